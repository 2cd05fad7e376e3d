//! The CPU's buffers, in place: the core's kernels run on them without a copy where nothing else holds them.

use burn::backend::Flex;
use burn::tensor::{Device, Tensor};
pub(crate) use lookahead_flex::Values;

use crate::traversal::Lifted;

/// Where the buffers of a parameter begin after its weights, in sixteenths of a page (see [`Values::zeros_beside`]): its moments
/// and its slow weights.
pub(crate) const MOMENTS_APART: [usize; 2] = [4, 8];
const SLOW_APART: usize = 12;
/// Where the buffer of an outer momentum begins after the slow weights.
const BUFFER_APART: usize = 6;

/// Whether [`Values::of`] takes this tensor. Others go through tensor operations.
pub(crate) fn opens<const D: usize>(tensor: &Tensor<D>) -> bool {
    !tensor.is_autodiff() && lookahead_flex::opens(tensor)
}

/// A copy that a pass streams through beside the tensor and its moments. What does not open is shared.
pub(crate) fn copy_beside<const D: usize>(tensor: Tensor<D>) -> Tensor<D> {
    if !opens(&tensor) {
        return tensor;
    }
    let values = Values::of(tensor);
    let mut copy = values.zeros_beside(SLOW_APART);
    copy.as_mut_slice().copy_from_slice(values.as_slice());
    copy.into_tensor()
}

/// Zeros that a pass streams through beside a tensor of slow weights, and beside all that it is used with.
pub(crate) fn zeros_beside<const D: usize>(tensor: &Tensor<D>) -> Tensor<D> {
    if !opens(tensor) {
        return tensor.zeros_like();
    }
    Values::of(tensor.clone()).zeros_beside(BUFFER_APART).into_tensor()
}

/// The CPU, which holds in host memory what is kept there.
pub(crate) fn host() -> Device {
    Device::flex()
}

/// Whether a device goes on computing while the host does, so that to look at a value is to wait.
pub(crate) fn is_later(device: &Device) -> bool {
    *device != host()
}

/// Whether both are the same values of the CPU's memory: seen without reading them.
pub(crate) fn is_same_memory<const D: usize>(one: &Tensor<D>, other: &Tensor<D>) -> bool {
    let memory = |tensor: &Tensor<D>| Lifted::lower(tensor.clone()).1.try_into_primitive::<Flex>().ok();
    match (memory(one), memory(other)) {
        (Some(one), Some(other)) => one.bytes().as_ptr() == other.bytes().as_ptr() && one.layout() == other.layout(),
        _ => false,
    }
}
