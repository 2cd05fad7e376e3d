//! The mean of the workers' gradients.

use burn::module::{Module, ModuleVisitor, Param, ParamId};
use burn::optim::GradientsParams;
use burn::tensor::{Tensor, TensorData};
use lookahead::collective::Collective;
use lookahead_mpi::average_gradients;

use super::parameters::{Parameters, values};
use crate::Error;

/// Replaces gradients by their mean over the workers. A parameter without a gradient on all of them keeps none; on some, it
/// counts as zeros there.
pub(super) fn mean<M: Module>(
    workers: &mut dyn Collective,
    parameters: &Parameters,
    model: &M,
    grads: GradientsParams,
) -> Result<GradientsParams, Error> {
    let mut taken = Take { grads, ids: &parameters.ids, tensors: vec![None; parameters.ids.len()], failed: None };
    model.visit(&mut taken);
    let Take { grads, tensors, failed, .. } = taken;
    failed.map_or(Ok(()), Err)?;
    let mut has: Vec<f32> = tensors.iter().map(|tensor| f32::from(u8::from(tensor.is_some()))).collect();
    let lengths = parameters.values.iter().map(|param| param.values().len());
    let mut tensors: Vec<Vec<f32>> =
        tensors.into_iter().zip(lengths).map(|(tensor, length)| tensor.unwrap_or_else(|| vec![0.0; length])).collect();
    let mut all: Vec<&mut [f32]> = tensors.iter_mut().map(Vec::as_mut_slice).chain([&mut has[..]]).collect();
    average_gradients(workers, &mut all, |_, _| ())?;
    let means = tensors.into_iter().zip(has).map(|(mean, has)| (has > 0.0).then_some(mean)).collect();
    let mut given = Give { grads, ids: &parameters.ids, means };
    model.visit(&mut given);
    Ok(given.grads)
}

struct Take<'p> {
    grads: GradientsParams,
    ids: &'p [ParamId],
    tensors: Vec<Option<Vec<f32>>>,
    failed: Option<Error>,
}

impl ModuleVisitor for Take<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let Some(place) = self.ids.iter().position(|id| *id == param.id) else { return };
        if let Some(gradient) = self.grads.remove::<D>(param.id) {
            match values(gradient) {
                Ok(values) => self.tensors[place] = Some(values),
                Err(error) => self.failed = self.failed.take().or(Some(error)),
            }
        }
    }
}

struct Give<'p> {
    grads: GradientsParams,
    ids: &'p [ParamId],
    means: Vec<Option<Vec<f32>>>,
}

impl ModuleVisitor for Give<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let place = self.ids.iter().position(|id| *id == param.id);
        if let Some(mean) = place.and_then(|place| self.means[place].take()) {
            let tensor = param.val().inner();
            self.grads
                .register(param.id, Tensor::<D>::from_data(TensorData::new(mean, tensor.dims()), &tensor.device()));
        }
    }
}
