//! A module's parameters as a record needs to know them: by path, each once.

use std::collections::BTreeSet;

use burn::module::{Module, ModuleVisitor, Param, ParamId};
use burn::tensor::{DType, Device, Tensor};

use crate::Error;
use crate::places::Places;
use crate::traversal::Paths;

/// A parameter or statistic of a module.
#[derive(Debug, Clone)]
pub struct Parameter {
    /// The module path of its first place, such as `layers.0.weight`.
    pub path: String,
    /// Its id in this process.
    pub id: ParamId,
    /// Its extents, slowest dimension first.
    pub shape: Vec<usize>,
    /// Its precision.
    pub dtype: DType,
    /// The device of its values, without autodiff.
    pub device: Device,
    /// Whether it takes gradients: neither frozen nor a batch-norm statistic.
    pub trainable: bool,
}

/// All parameters and statistics of a module, by path.
///
/// # Errors
/// [`Error::SamePath`] for a module that gives two of them one path, [`Error::TornParameter`].
pub(crate) fn parameters<M: Module>(module: &M) -> Result<Vec<Parameter>, Error> {
    Places::checked(module, None, |_| false)?;
    let mut list = List { parameters: Vec::new(), known: BTreeSet::new(), paths: Paths::default() };
    module.visit(&mut list);
    let mut parameters = list.parameters;
    parameters.sort_unstable_by(|one, other| one.path.cmp(&other.path));
    match parameters.array_windows().find(|[one, next]| one.path == next.path) {
        Some([one, _]) => Err(Error::SamePath { path: one.path.clone() }),
        None => Ok(parameters),
    }
}

struct List {
    parameters: Vec<Parameter>,
    known: BTreeSet<ParamId>,
    paths: Paths,
}

impl ModuleVisitor for List {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.paths.enter(name);
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.paths.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if self.known.insert(param.id) {
            let tensor = param.val();
            let (path, id, shape) = (self.paths.current(), param.id, tensor.dims().to_vec());
            let (dtype, trainable) = (tensor.dtype(), tensor.is_require_grad());
            let device = tensor.device().without_autodiff();
            self.parameters.push(Parameter { path, id, shape, dtype, device, trainable });
        }
    }
}
