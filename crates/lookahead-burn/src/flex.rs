//! The CPU's buffers, in place: the core's kernels run on them without a copy where nothing else holds them.

use burn::backend::Flex;
use burn::tensor::{DType, Device, Tensor};
use burn_flex::FlexTensor;

use crate::traversal::Lifted;

/// A contiguous f32 tensor of the CPU backend, opened for the slice kernels.
pub(crate) struct Buffer(FlexTensor);

/// Whether [`Buffer::open`] takes this tensor. Others go through tensor operations.
pub(crate) fn opens<const D: usize>(tensor: &Tensor<D>) -> bool {
    tensor.dtype() == DType::F32 && !tensor.is_autodiff() && tensor.device() == Device::flex()
}

impl Buffer {
    /// Opens a tensor for which [`opens`] holds.
    pub(crate) fn open<const D: usize>(tensor: Tensor<D>) -> Self {
        // `opens` has seen the CPU backend's device and no autodiff, which is all that this conversion checks.
        let primitive = tensor.try_into_primitive::<Flex>().expect("a tensor that `opens`");
        Self(if primitive.is_contiguous() { primitive } else { primitive.to_contiguous() })
    }

    pub(crate) fn values(&self) -> &[f32] {
        let range = self.range();
        &self.0.storage::<f32>()[range]
    }

    /// The values, to write; copied first if something else holds them.
    pub(crate) fn values_mut(&mut self) -> &mut [f32] {
        let range = self.range();
        &mut self.0.storage_mut::<f32>()[range]
    }

    pub(crate) fn close<const D: usize>(self) -> Tensor<D> {
        Tensor::from_primitive::<Flex>(self.0)
    }

    fn range(&self) -> std::ops::Range<usize> {
        let (start, end) = self.0.layout().contiguous_offsets().unwrap_or((0, 0));
        start..end
    }
}

/// The CPU, which holds in host memory what is kept there.
pub(crate) fn host() -> Device {
    Device::flex()
}

/// Whether both are the same values of the CPU's memory: seen without reading them.
pub(crate) fn is_same_memory<const D: usize>(one: &Tensor<D>, other: &Tensor<D>) -> bool {
    let memory = |tensor: &Tensor<D>| Lifted::lower(tensor.clone()).1.try_into_primitive::<Flex>().ok();
    match (memory(one), memory(other)) {
        (Some(one), Some(other)) => one.bytes().as_ptr() == other.bytes().as_ptr() && one.layout() == other.layout(),
        _ => false,
    }
}
