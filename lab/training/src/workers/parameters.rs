//! A module's weights in host memory, as workers exchange them: each parameter once, by its id.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::tensor::{Tensor, TensorData};
use lookahead::ParamSet;
use lookahead_burn::{tie_parameters, values_now};

use crate::Error;

/// The trainable parameters of a module, and their values.
#[derive(Debug, Default)]
pub(super) struct Parameters {
    pub ids: Vec<ParamId>,
    pub values: ParamSet<'static, f32>,
}

impl Parameters {
    pub(super) fn of<M: Module>(model: &M) -> Result<Self, Error> {
        let mut found = Found { parameters: Self::default(), names: Vec::new(), wrong: None };
        model.visit(&mut found);
        found.wrong.map_or(Ok(found.parameters), Err)
    }

    /// Takes the values of a module that has the same parameters.
    pub(super) fn read<M: Module>(&mut self, model: &M) -> Result<(), Error> {
        let places = self.ids.iter().copied().zip(self.values.iter_mut().map(|param| param.values_mut()));
        let mut read = Read { places: places.collect(), failed: None };
        model.visit(&mut read);
        read.failed.map_or(Ok(()), Err)
    }

    /// The module on these values.
    pub(super) fn put<M: Module>(&self, model: M) -> M {
        put(model, self.ids.iter().copied().zip(self.values.iter().map(|param| param.values())))
    }
}

/// The module on other values of its parameters.
pub(super) fn put<'v, M: Module>(model: M, values: impl IntoIterator<Item = (ParamId, &'v [f32])>) -> M {
    tie_parameters(model.map(&mut Put(values.into_iter().collect())))
}

struct Found {
    parameters: Parameters,
    names: Vec<String>,
    wrong: Option<Error>,
}

impl ModuleVisitor for Found {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.names.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.names.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let tensor = param.val();
        if !tensor.is_require_grad() || self.parameters.ids.contains(&param.id) {
            return;
        }
        self.parameters.ids.push(param.id);
        let (name, shape) = (self.names.join("."), tensor.dims());
        let pushed = values(tensor).and_then(|values| Ok(self.parameters.values.push(name, shape, values)?));
        self.wrong = self.wrong.take().or(pushed.err());
    }
}

struct Read<'v> {
    places: BTreeMap<ParamId, &'v mut [f32]>,
    failed: Option<Error>,
}

impl ModuleVisitor for Read<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let Some(place) = self.places.remove(&param.id) else { return };
        match values(param.val()) {
            Ok(values) => place.copy_from_slice(&values),
            Err(error) => self.failed = self.failed.take().or(Some(error)),
        }
    }
}

struct Put<'v>(BTreeMap<ParamId, &'v [f32]>);

impl ModuleMapper for Put<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(values) = self.0.get(&param.id) else { return param };
        param.map(|tensor| {
            let data = TensorData::new(values.to_vec(), tensor.dims());
            Tensor::from_data(data, &tensor.device()).set_require_grad(tensor.is_require_grad())
        })
    }
}

pub(super) fn values<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>, Error> {
    Ok(values_now(tensor)?.iter::<f32>().collect())
}
