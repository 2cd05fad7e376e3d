//! A module's weights and buffers by module path, and back.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{DType, FloatDType, Tensor, TensorData};
use lookahead_burn::{Error, values_now};

/// Why named tensors are not those of a model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TensorError {
    /// A tensor that the model needs and the checkpoint does not hold.
    #[error("the checkpoint does not hold tensor {name:?}, which the model needs")]
    Missing {
        /// Its module path.
        name: String,
    },
    /// A tensor of the checkpoint that the model does not have.
    #[error("the checkpoint holds tensor {name:?}, which the model does not have")]
    Unknown {
        /// Its module path.
        name: String,
    },
    /// A tensor of another shape.
    #[error("the checkpoint holds tensor {name:?} of shape {found:?}, the model has {expected:?}")]
    Shape {
        /// Its module path.
        name: String,
        /// The model's shape.
        expected: Vec<usize>,
        /// The checkpoint's shape.
        found: Vec<usize>,
    },
}

/// Every float tensor of the module, buffers of batch norm included, by module path.
///
/// # Errors
/// [`Error::ReadBack`] if the device fails.
pub fn named_weights<M: Module>(module: &M) -> Result<BTreeMap<String, TensorData>, Error> {
    // Burn keeps the last update of a batch norm pending until the statistics are asked for.
    let _ = module.valid();
    let mut collect = Collect::default();
    module.visit(&mut collect);
    collect.failed.map_or(Ok(collect.tensors), Err)
}

/// Puts named tensors back, bit for bit if they are in the module's precision.
///
/// # Errors
/// [`TensorError`], naming the tensor; the module is lost then, so load into a fresh one.
pub fn load_weights<M: Module>(module: M, tensors: BTreeMap<String, TensorData>) -> Result<M, TensorError> {
    let mut load = Load { tensors, names: Vec::new(), wrong: None };
    let module = module.map(&mut load);
    match (load.wrong, load.tensors.into_keys().next()) {
        (Some(error), _) => Err(error),
        (None, Some(name)) => Err(TensorError::Unknown { name }),
        (None, None) => Ok(module),
    }
}

/// The module with its parameters rounded to `dtype`, but for those of batch norm, whose running statistics need f32.
#[must_use]
pub fn in_precision<M: Module>(module: M, dtype: DType) -> M {
    module.map(&mut Round { dtype: dtype.into(), containers: Vec::new() })
}

struct Round {
    dtype: FloatDType,
    containers: Vec<String>,
}

impl ModuleMapper for Round {
    fn enter_module(&mut self, _name: &str, container_type: &str) {
        self.containers.push(container_type.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.containers.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (dtype, is_norm) = (self.dtype, self.containers.last().is_some_and(|name| name == "Struct:BatchNorm"));
        if is_norm || param.val().dtype() == dtype.into() {
            return param;
        }
        param.map(|tensor| {
            let trains = tensor.is_require_grad();
            tensor.cast(dtype).detach().set_require_grad(trains)
        })
    }
}

#[derive(Default)]
struct Collect {
    tensors: BTreeMap<String, TensorData>,
    names: Vec<String>,
    failed: Option<Error>,
}

impl ModuleVisitor for Collect {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.names.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.names.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        match values_now(param.val()) {
            Ok(data) => {
                self.tensors.insert(self.names.join("."), data);
            }
            Err(error) => self.failed = self.failed.take().or(Some(error)),
        }
    }
}

struct Load {
    tensors: BTreeMap<String, TensorData>,
    names: Vec<String>,
    wrong: Option<TensorError>,
}

impl ModuleMapper for Load {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.names.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.names.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let name = self.names.join(".");
        let expected = param.val().dims().to_vec();
        let Some(data) = self.tensors.remove(&name) else {
            self.wrong.get_or_insert(TensorError::Missing { name });
            return param;
        };
        let found = data.shape().to_vec();
        if found != expected {
            self.wrong.get_or_insert(TensorError::Shape { name, expected, found });
            return param;
        }
        param.map(|tensor| {
            let options = (&tensor.device(), tensor.dtype());
            Tensor::from_data(data, options).set_require_grad(tensor.is_require_grad())
        })
    }
}
