//! What a step of training leaves to the next one.

use std::collections::BTreeMap;

use burn::tensor::{Device, TensorData};

use crate::TensorError;

/// What a step leaves to the next one of its epoch, such as the state of a recurrent network. It belongs in the
/// checkpoint; its default stands at the start of each epoch.
pub trait Memory: Clone + Default {
    /// The memory by names, all of it in f32; none at the start.
    ///
    /// # Errors
    /// [`lookahead_burn::Error::ReadBack`] if the device fails.
    fn to_tensors(&self) -> Result<BTreeMap<String, TensorData>, lookahead_burn::Error>;

    /// The memory that [`to_tensors`](Self::to_tensors) gave.
    ///
    /// # Errors
    /// [`TensorError::Missing`] or another that names the tensor.
    fn from_tensors(tensors: BTreeMap<String, TensorData>, device: &Device) -> Result<Self, TensorError>;
}

/// Steps that know nothing of each other.
impl Memory for () {
    fn to_tensors(&self) -> Result<BTreeMap<String, TensorData>, lookahead_burn::Error> {
        Ok(BTreeMap::new())
    }

    fn from_tensors(_tensors: BTreeMap<String, TensorData>, _device: &Device) -> Result<Self, TensorError> {
        Ok(())
    }
}
