//! What the kernels take.

use burn::backend::DispatchDevice;
use burn::tensor::{DType, Device, Tensor};

/// The most elements of a tensor: the kernels count places in 32 bits, and rows may be padded to four times their length.
pub(crate) const MOST_ELEMENTS: usize = 1 << 30;

/// Whether the kernels take this tensor: f32 on a device of CubeCL's, without autodiff, of at most 2^30 elements.
pub fn opens<const D: usize>(tensor: &Tensor<D>) -> bool {
    is_there(tensor) && tensor.dtype() == DType::F32
}

/// Whether this tensor is as one that [`opens`], or in a half precision that its device computes in.
pub fn opens_up_to_single<const D: usize>(tensor: &Tensor<D>) -> bool {
    let is_taken = match tensor.dtype() {
        DType::F32 => true,
        DType::F16 | DType::BF16 => tensor.device().supports_dtype(tensor.dtype()),
        _ => false,
    };
    is_there(tensor) && is_taken
}

/// Whether [`step`](crate::step) takes these weights with this gradient: both [open](opens_up_to_single), beside each other, the
/// gradient in the weights' precision or in f32.
pub fn opens_pair<const D: usize>(theta: &Tensor<D>, grad: &Tensor<D>) -> bool {
    let is_beside = grad.dims() == theta.dims() && grad.device() == theta.device();
    opens_up_to_single(theta) && is_there(grad) && is_beside && [theta.dtype(), DType::F32].contains(&grad.dtype())
}

fn is_there<const D: usize>(tensor: &Tensor<D>) -> bool {
    has_kernels(&tensor.device()) && tensor.shape().num_elements() <= MOST_ELEMENTS
}

/// Whether this is a device of CubeCL's, without autodiff.
pub(crate) fn has_kernels(device: &Device) -> bool {
    matches!(device.as_dispatch(), DispatchDevice::Cube(_))
}
