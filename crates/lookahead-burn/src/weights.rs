//! A second set of a module's weights: slow weights, averages.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::optim::GradientsParams;
use burn::tensor::{DType, Device, FloatDType, Tensor};
use lookahead::Alpha;

use crate::Error;
use crate::any_tensor::AnyTensor;
use crate::cube;
use crate::flex::copy_beside;
use crate::places::Places;
use crate::pull_back::follow;
use crate::read_back::moved_to;
use crate::record::{RecordReader, RecordWriter};
use crate::traversal::{Lifted, Paths, tensor_of, with_rank};

/// One tensor for each trainable parameter of a module, by the parameter's id; without autodiff.
///
/// It is as precise as the parameter, but at least f32: small moves of many steps add up in it that a half-precision number
/// would round away.
#[derive(Default)]
pub struct Weights {
    tensors: BTreeMap<ParamId, Box<dyn AnyTensor>>,
}

impl Clone for Weights {
    fn clone(&self) -> Self {
        Self { tensors: self.tensors.iter().map(|(id, tensor)| (*id, tensor.boxed())).collect() }
    }
}

impl std::fmt::Debug for Weights {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.tensors.keys()).finish()
    }
}

impl Weights {
    /// The number of parameters.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tensors.len()
    }

    /// Whether there is no parameter.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tensors.is_empty()
    }

    /// The weights of one parameter, if it is known under this rank.
    #[must_use]
    pub fn get<const D: usize>(&self, id: ParamId) -> Option<Tensor<D>> {
        self.tensors.get(&id)?.as_any().downcast_ref().cloned()
    }

    /// A copy of `module` for evaluation, on these weights in the module's precision; parameters that are not known, or not
    /// in their present shape, keep the module's own.
    ///
    /// The copy owns its buffers: it is made by [`Module::valid`], because cloning would share batch-norm statistics.
    #[must_use]
    pub fn apply<M: Module>(&self, module: &M) -> M {
        module.valid().map(&mut Apply { weights: self })
    }

    pub(crate) fn contains(&self, id: ParamId) -> bool {
        self.tensors.contains_key(&id)
    }

    /// Takes the tensor out, so that it can be written in place.
    pub(crate) fn take<const D: usize>(&mut self, id: ParamId) -> Option<Tensor<D>> {
        self.tensors.remove(&id)?.into_any().downcast::<Tensor<D>>().ok().map(|tensor| *tensor)
    }

    pub(crate) fn insert<const D: usize>(&mut self, id: ParamId, tensor: Tensor<D>) {
        self.tensors.insert(id, Box::new(tensor));
    }

    /// Those of the parameters that are known in `other`.
    pub(crate) fn retain_known(&mut self, other: &Self) {
        self.tensors.retain(|id, _| other.contains(*id));
    }

    pub(crate) fn remove(&mut self, id: ParamId) {
        self.tensors.remove(&id);
    }

    /// Zeros like the tensor of `other`, if it has one.
    pub(crate) fn insert_zeros(&mut self, id: ParamId, other: &Self) {
        self.tensors.extend(other.tensors.get(&id).map(|tensor| (id, tensor.zeros())));
    }

    /// Puts zeros in the place of a tensor that is known.
    pub(crate) fn zero(&mut self, id: ParamId) {
        if let Some(tensor) = self.tensors.get_mut(&id) {
            *tensor = tensor.zeros();
        }
    }

    pub(crate) fn ids(&self) -> impl Iterator<Item = ParamId> {
        self.tensors.keys().copied()
    }

    /// App. C.5 for every tensor, toward its value in `anchor`, or toward 0 where that has none.
    pub(crate) fn interpolate(&mut self, anchor: &Self, alpha: Alpha) {
        for (id, tensor) in std::mem::take(&mut self.tensors) {
            let anchor = anchor.tensors.get(&id).map(|anchor| &**anchor);
            self.tensors.insert(id, tensor.interpolated(anchor, alpha));
        }
    }

    /// Those of the parameters that the module still has.
    pub(crate) fn retain(&mut self, places: &Places) {
        self.tensors.retain(|id, tensor| places.has(*id, &tensor.extents()));
    }

    /// Copies every parameter that is trainable or has a gradient and is not known yet: theta_0 of those that join. The
    /// copies are kept on `device`, or beside the parameters. Gives those that join.
    pub(crate) fn follow<M: Module>(
        &mut self,
        module: &M,
        grads: Option<&GradientsParams>,
        device: Option<&Device>,
    ) -> Vec<ParamId> {
        let mut follow = Follow { weights: self, grads, device, joined: Vec::new(), paths: Paths::default() };
        module.visit(&mut follow);
        follow.joined
    }

    /// Takes the module's present values for every known parameter.
    pub(crate) fn rebase<M: Module>(&mut self, module: &M) {
        module.visit(&mut Rebase { weights: self });
    }

    pub(crate) fn save(&self, record: &mut RecordWriter<'_>) -> Result<(), Error> {
        for parameter in record.parameters() {
            if let Some(tensor) = self.tensors.get(&parameter.id) {
                record.tensor(&parameter.path, tensor.values()?)?;
            }
        }
        Ok(())
    }

    /// Reads what [`save`](Self::save) wrote, onto `device` or beside the parameters.
    pub(crate) fn load(record: &mut RecordReader<'_>, device: Option<&Device>) -> Result<Self, Error> {
        let mut weights = Self::default();
        for parameter in record.expected() {
            let data = record.tensor(&parameter.path, &parameter.shape, at_least_single(parameter.dtype))?;
            with_rank!(parameter.shape.len(), D => {
                weights.insert(parameter.id, tensor_of::<D>(data, device.unwrap_or(&parameter.device)));
            });
        }
        Ok(weights)
    }
}

/// The precision in which weights of this precision are kept.
pub(crate) fn at_least_single(dtype: DType) -> DType {
    match dtype {
        DType::F16 | DType::BF16 => DType::F32,
        other => other,
    }
}

/// A tensor in the precision in which it is kept.
pub(crate) fn widened<const D: usize>(tensor: Tensor<D>) -> Tensor<D> {
    let dtype = at_least_single(tensor.dtype());
    in_precision(tensor, dtype)
}

pub(crate) fn in_precision<const D: usize>(tensor: Tensor<D>, dtype: DType) -> Tensor<D> {
    if tensor.dtype() == dtype { tensor } else { tensor.cast(FloatDType::from(dtype)) }
}

/// Whether the device of a parameter, or of its gradient, can compute in its precision.
pub(crate) fn check_precision<const D: usize>(tensor: &Tensor<D>, path: impl FnOnce() -> String) -> Result<(), Error> {
    let (device, dtype) = (tensor.device(), tensor.dtype());
    if device.supports_dtype(dtype) {
        return Ok(());
    }
    let device = cube::name(&device);
    Err(Error::UnsupportedPrecision { path: path(), dtype, device })
}

/// [`check_precision`] in a step, which gives no error.
///
/// # Panics
/// With [`Error::UnsupportedPrecision`].
pub(crate) fn expect_precision<const D: usize>(parameter: &Tensor<D>, path: impl FnOnce() -> String) {
    check_precision(parameter, path).unwrap_or_else(|error| panic!("{error}"));
}

struct Follow<'a> {
    weights: &'a mut Weights,
    grads: Option<&'a GradientsParams>,
    device: Option<&'a Device>,
    joined: Vec<ParamId>,
    paths: Paths,
}

impl ModuleVisitor for Follow<'_> {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.paths.enter(name);
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.paths.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let tensor = param.val();
        let known = self.weights.tensors.get(&param.id);
        // another tensor under the same id is another parameter
        let fits =
            |known: &Tensor<D>| known.dims() == tensor.dims() && known.dtype() == at_least_single(tensor.dtype());
        if let Some(known) = known {
            if known.as_any().downcast_ref().is_some_and(fits) {
                return;
            }
            self.weights.tensors.remove(&param.id);
        }
        // Batch-norm statistics are visited as parameters that take no gradient; no parameter requires one without
        // autodiff, but then a caller may have gradients of its own.
        if tensor.is_require_grad() || self.grads.is_some_and(|grads| grads.get::<D>(param.id).is_some()) {
            expect_precision(&tensor, || self.paths.current());
            self.weights.insert(param.id, placed(tensor, self.device));
            self.joined.push(param.id);
        }
    }
}

/// The tensor off autodiff, as it is kept: on `device`, or a copy where it is.
fn placed<const D: usize>(tensor: Tensor<D>, device: Option<&Device>) -> Tensor<D> {
    let tensor = widened(Lifted::lower(tensor).1);
    match device {
        Some(device) => moved_to(tensor, device),
        None => copy_beside(tensor),
    }
}

struct Rebase<'a> {
    weights: &'a mut Weights,
}

impl ModuleVisitor for Rebase<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(known) = self.weights.get::<D>(param.id) {
            let (_, theta) = Lifted::lower(param.val());
            self.weights.insert(param.id, follow(known, &theta));
        }
    }
}

struct Apply<'a> {
    weights: &'a Weights,
}

impl ModuleMapper for Apply<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        match self.weights.get::<D>(param.id).filter(|weights| weights.dims() == param.dims()) {
            // slow weights may be kept in host memory, and wider than the parameter
            Some(weights) => param.map(|tensor| in_precision(moved_to(weights, &tensor.device()), tensor.dtype())),
            None => param,
        }
    }
}
