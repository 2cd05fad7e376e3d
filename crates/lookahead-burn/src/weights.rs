//! A second set of a module's weights: slow weights, averages.

use std::any::Any;
use std::collections::BTreeMap;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor, TensorData};

use crate::Error;
use crate::record::{RecordReader, RecordWriter};
use crate::traversal::{Lifted, Paths, tensor_of, with_rank};

/// A tensor of any rank.
trait AnyTensor: Any + Send + Sync {
    fn as_any(&self) -> &dyn Any;
    fn into_any(self: Box<Self>) -> Box<dyn Any>;
    fn data(&self) -> TensorData;
    fn boxed(&self) -> Box<dyn AnyTensor>;
}

impl<const D: usize> AnyTensor for Tensor<D> {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }

    fn data(&self) -> TensorData {
        self.clone().into_data()
    }

    fn boxed(&self) -> Box<dyn AnyTensor> {
        Box::new(self.clone())
    }
}

/// One tensor for each trainable parameter of a module, by the parameter's id; without autodiff.
#[derive(Default)]
pub struct Weights {
    tensors: BTreeMap<ParamId, (String, Box<dyn AnyTensor>)>,
}

impl Clone for Weights {
    fn clone(&self) -> Self {
        let copy =
            |(id, (path, tensor)): (&ParamId, &(String, Box<dyn AnyTensor>))| (*id, (path.clone(), tensor.boxed()));
        Self { tensors: self.tensors.iter().map(copy).collect() }
    }
}

impl std::fmt::Debug for Weights {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.tensors.values().map(|(path, _)| path)).finish()
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
        self.tensors.get(&id)?.1.as_any().downcast_ref().cloned()
    }

    /// A copy of `module` for evaluation, on these weights; parameters that are not known keep the module's own.
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
    pub(crate) fn take<const D: usize>(&mut self, id: ParamId) -> Option<(String, Tensor<D>)> {
        let (path, tensor) = self.tensors.remove(&id)?;
        let tensor = tensor.into_any().downcast::<Tensor<D>>().ok()?;
        Some((path, *tensor))
    }

    pub(crate) fn insert<const D: usize>(&mut self, id: ParamId, path: String, tensor: Tensor<D>) {
        self.tensors.insert(id, (path, Box::new(tensor)));
    }

    /// Copies every parameter that is trainable or has a gradient and is not known yet: theta_0 of those that join. The
    /// copies are kept on `device`, or beside the parameters.
    pub(crate) fn adopt<M: Module>(&mut self, module: &M, grads: &GradientsParams, device: Option<&Device>) {
        module.visit(&mut Adopt { weights: self, grads, device, paths: Paths::default() });
    }

    /// Takes the module's present values for every known parameter.
    pub(crate) fn rebase<M: Module>(&mut self, module: &M, device: Option<&Device>) {
        module.visit(&mut Rebase { weights: self, device });
    }

    pub(crate) fn save(&self, record: &mut RecordWriter<'_>) {
        for (path, tensor) in self.tensors.values() {
            record.tensor(path, tensor.data());
        }
    }

    /// The known parameters and their module paths.
    pub(crate) fn paths(&self) -> impl Iterator<Item = (ParamId, &str)> {
        self.tensors.iter().map(|(id, (path, _))| (*id, path.as_str()))
    }

    /// Reads what [`save`](Self::save) wrote, onto `device` or beside the parameters.
    pub(crate) fn load(record: &mut RecordReader<'_>, device: Option<&Device>) -> Result<Self, Error> {
        let mut weights = Self::default();
        for (path, param) in record.expected() {
            let data = record.tensor(&path, &param)?;
            with_rank!(param.shape.len(), D => {
                weights.insert(param.id, path, tensor_of::<D>(data, device.unwrap_or(&param.device)));
            });
        }
        Ok(weights)
    }
}

struct Adopt<'a> {
    weights: &'a mut Weights,
    grads: &'a GradientsParams,
    device: Option<&'a Device>,
    paths: Paths,
}

impl ModuleVisitor for Adopt<'_> {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.paths.enter(name);
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.paths.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        // Batch-norm statistics are visited as parameters that take no gradient; no parameter requires one without
        // autodiff, but then a caller may have gradients of its own.
        let tensor = param.val();
        let steps = tensor.is_require_grad() || self.grads.get::<D>(param.id).is_some();
        if steps && !self.weights.tensors.contains_key(&param.id) {
            self.weights.insert(param.id, self.paths.current(), placed(tensor, self.device));
        }
    }
}

/// The tensor off autodiff, on `device` or where it is.
fn placed<const D: usize>(tensor: Tensor<D>, device: Option<&Device>) -> Tensor<D> {
    let (_, tensor) = Lifted::lower(tensor);
    match device {
        Some(device) => tensor.to_device(device),
        None => tensor,
    }
}

struct Rebase<'a> {
    weights: &'a mut Weights,
    device: Option<&'a Device>,
}

impl ModuleVisitor for Rebase<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some((path, _)) = self.weights.take::<D>(param.id) {
            self.weights.insert(param.id, path, placed(param.val(), self.device));
        }
    }
}

struct Apply<'a> {
    weights: &'a Weights,
}

impl ModuleMapper for Apply<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        match self.weights.get::<D>(param.id) {
            // slow weights may be kept in host memory
            Some(weights) => param.map(|tensor| weights.to_device(&tensor.device())),
            None => param,
        }
    }
}
