//! Weights that PyTorch made: safetensors files with the names and layouts of torchvision.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Tensor, TensorData};
use lookahead_runs::printable::printable_path;
use safetensors::{Dtype, SafeTensorError, SafeTensors};

use super::Network;
use lookahead_runs::files::read;

/// The most bytes of a file of weights.
const MOST_BYTES: u64 = 1 << 33;

/// Why weights could not be imported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// The file cannot be read.
    #[error("cannot read {}", printable_path(path))]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// The file is not a safetensors file.
    #[error("{}: not a safetensors file", printable_path(path))]
    NotSafetensors {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: SafeTensorError,
    },
    /// A tensor that the network needs is not in the file.
    #[error("{}: tensor {name:?} is missing; the network needs it, of shape {expected:?}", printable_path(path))]
    MissingTensor {
        /// The file.
        path: PathBuf,
        /// PyTorch's name of the tensor.
        name: String,
        /// The shape it has to have.
        expected: Vec<usize>,
    },
    /// A tensor of the file that the network does not have.
    #[error("{}: the network has no tensor {name:?}", printable_path(path))]
    UnknownTensor {
        /// The file.
        path: PathBuf,
        /// The name in the file.
        name: String,
    },
    /// A tensor of another shape, as it is with another number of classes.
    #[error("{}: tensor {name:?} has the shape {found:?}, but must have {expected:?}", printable_path(path))]
    WrongShape {
        /// The file.
        path: PathBuf,
        /// PyTorch's name of the tensor.
        name: String,
        /// The shape it has to have.
        expected: Vec<usize>,
        /// The shape in the file.
        found: Vec<usize>,
    },
    /// A tensor that does not consist of 32-bit floats.
    #[error("{}: tensor {name:?} is of type {found:?}, but must be of type F32", printable_path(path))]
    WrongType {
        /// The file.
        path: PathBuf,
        /// PyTorch's name of the tensor.
        name: String,
        /// The type in the file.
        found: Dtype,
    },
}

/// The network with the weights and running statistics of a safetensors file that PyTorch's `state_dict` was saved to.
///
/// Residual networks have torchvision's names (`conv1.weight`, `layer1.0.bn1.running_mean`, `fc.weight`). The file must
/// hold every tensor of the network, in 32-bit floats, and no other but batch norm's `num_batches_tracked`, which means
/// nothing here. Linear weights, `[out, in]` in PyTorch, are transposed.
///
/// # Errors
/// [`ImportError`], naming the file and the tensor.
pub fn import_weights(network: Network, path: &Path) -> Result<Network, ImportError> {
    let bytes = read(path, MOST_BYTES).map_err(|source| ImportError::Io { path: path.to_owned(), source })?;
    let file = SafeTensors::deserialize(&bytes)
        .map_err(|source| ImportError::NotSafetensors { path: path.to_owned(), source })?;
    let unused = file.names().into_iter().filter(|name| !name.ends_with("num_batches_tracked")).collect();
    let mut import = Import { path, file: &file, unused, names: Vec::new(), wrong: None };
    let network = network.map(&mut import);
    match (import.wrong, import.unused.first()) {
        (Some(error), _) => Err(error),
        (None, Some(&name)) => Err(ImportError::UnknownTensor { path: path.to_owned(), name: name.to_owned() }),
        (None, None) => Ok(network),
    }
}

/// PyTorch's name of the tensor at a module path of [`Network`], as [`named_weights`](super::named_weights) gives it.
///
/// ```
/// use lookahead_models::pytorch_name;
/// assert_eq!(pytorch_name("ResNet.stages.1.0.projection.norm.gamma"), "layer2.0.downsample.1.weight");
/// ```
#[must_use]
pub fn pytorch_name(path: &str) -> String {
    let (module, tensor) = path.rsplit_once('.').unwrap_or(("", path));
    let tensor = match tensor {
        "gamma" => "weight",
        "beta" => "bias",
        other => other,
    };
    // Both count from 0 but for torchvision's layers and what is in a block.
    let from_1 = |index: &str| index.parse::<usize>().map_or(0, |index| index + 1);
    let in_block = |kind: &str| if kind == "convolution" { "conv" } else { "bn" };
    let parts: Vec<&str> = module.split('.').collect();
    let module = match parts[..] {
        ["ResNet", "stem", layer, kind] => format!("{}{}", in_block(kind), from_1(layer)),
        ["ResNet", "stages", stage, block, "layers", layer, kind] => {
            format!("layer{}.{block}.{}{}", from_1(stage), in_block(kind), from_1(layer))
        }
        ["ResNet", "stages", stage, block, "projection", kind] => {
            format!("layer{}.{block}.downsample.{}", from_1(stage), if kind == "convolution" { 0 } else { 1 })
        }
        ["ResNet", "classifier"] => "fc".to_owned(),
        [_network, ref rest @ ..] => rest.join("."),
        [] => String::new(),
    };
    format!("{module}.{tensor}")
}

struct Import<'a> {
    path: &'a Path,
    file: &'a SafeTensors<'a>,
    unused: BTreeSet<&'a str>,
    names: Vec<String>,
    wrong: Option<ImportError>,
}

impl Import<'_> {
    /// The values of a tensor, `shape` being the one it has here.
    fn read(&mut self, name: String, shape: &[usize]) -> Result<Vec<f32>, ImportError> {
        let path = self.path.to_owned();
        // Only linear weights have two dimensions: [in, out] here, [out, in] there.
        let expected = if let &[rows, columns] = shape { vec![columns, rows] } else { shape.to_vec() };
        let Ok(tensor) = self.file.tensor(&name) else {
            return Err(ImportError::MissingTensor { path, name, expected });
        };
        self.unused.remove(name.as_str());
        if tensor.shape() != expected {
            return Err(ImportError::WrongShape { path, name, expected, found: tensor.shape().to_vec() });
        }
        if tensor.dtype() != Dtype::F32 {
            return Err(ImportError::WrongType { path, name, found: tensor.dtype() });
        }
        let (numbers, _) = tensor.data().as_chunks();
        let values: Vec<f32> = numbers.iter().copied().map(f32::from_le_bytes).collect();
        Ok(match *shape {
            [rows, columns] => (0..values.len()).map(|i| values[i % columns * rows + i / columns]).collect(),
            _ => values,
        })
    }
}

impl ModuleMapper for Import<'_> {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.names.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.names.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let shape = param.val().dims().to_vec();
        match self.read(pytorch_name(&self.names.join(".")), &shape) {
            Ok(values) => param.map(|tensor| {
                let data = TensorData::new(values, shape);
                Tensor::from_data(data, &tensor.device()).set_require_grad(tensor.is_require_grad())
            }),
            Err(error) => {
                self.wrong.get_or_insert(error);
                param
            }
        }
    }
}
