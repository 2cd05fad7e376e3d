//! Named tensors as safetensors files.

use std::collections::BTreeMap;
use std::path::Path;

use burn::tensor::{DType, TensorData};
use safetensors::SafeTensors;
use safetensors::tensor::TensorView;

use super::damaged;
use crate::Error;

/// Named tensors as the bytes of a safetensors file; `folder` is where errors place it.
pub(crate) fn safetensors(folder: &Path, tensors: &BTreeMap<String, TensorData>) -> Result<Vec<u8>, Error> {
    let other = |error: safetensors::SafeTensorError| Error::io(folder)(std::io::Error::other(error));
    let mut views = Vec::new();
    for (name, data) in tensors {
        let dtype = match data.dtype() {
            DType::F64 => safetensors::Dtype::F64,
            DType::F16 => safetensors::Dtype::F16,
            DType::BF16 => safetensors::Dtype::BF16,
            _ => safetensors::Dtype::F32,
        };
        views.push((name, TensorView::new(dtype, data.shape().to_vec(), data.bytes()).map_err(other)?));
    }
    safetensors::serialize(views, None).map_err(other)
}

/// The named tensors of a safetensors file's content; `path` is where errors place it.
pub(crate) fn tensors(path: &Path, bytes: &[u8]) -> Result<BTreeMap<String, TensorData>, Error> {
    let file = SafeTensors::deserialize(bytes).map_err(|error| damaged(path, error))?;
    let tensor = |(name, view): (String, TensorView<'_>)| {
        let dtype = match view.dtype() {
            safetensors::Dtype::F32 => DType::F32,
            safetensors::Dtype::F64 => DType::F64,
            safetensors::Dtype::F16 => DType::F16,
            safetensors::Dtype::BF16 => DType::BF16,
            other => {
                return Err(damaged(path, format!("tensor {name:?} has type {other:?}, not F32, F64, F16 or BF16")));
            }
        };
        let data = TensorData::try_from_bytes_vec(view.data().to_vec(), view.shape().to_vec(), dtype);
        Ok((name, data.map_err(|error| damaged(path, error))?))
    };
    file.tensors().into_iter().map(tensor).collect()
}
