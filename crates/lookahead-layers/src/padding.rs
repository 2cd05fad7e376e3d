//! The zeros around an image that Burn's layers ask for.

use burn::nn::PaddingConfig2d;

/// `[[top, bottom], [left, right]]` for images of `[height, width]`.
///
/// `Same` adds what an output of ceil(size / stride) needs, the odd one of it at the end.
pub(crate) fn of(
    padding: &PaddingConfig2d,
    size: [usize; 2],
    kernel: [usize; 2],
    stride: [usize; 2],
) -> [[usize; 2]; 2] {
    match *padding {
        PaddingConfig2d::Valid => [[0; 2]; 2],
        PaddingConfig2d::Explicit(top, left, bottom, right) => [[top, bottom], [left, right]],
        PaddingConfig2d::Same => [0, 1].map(|axis| {
            let output = size[axis].div_ceil(stride[axis]);
            let total = ((output - 1) * stride[axis] + kernel[axis]).saturating_sub(size[axis]);
            [total / 2, total - total / 2]
        }),
    }
}
