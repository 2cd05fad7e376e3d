//! From Burn's layout of images to that of this crate, and back.

use burn::tensor::Tensor;

/// Images `[batch, channels, height, width]` as `[batch, height, width, channels]`.
#[must_use]
pub fn channels_last(images: Tensor<4>) -> Tensor<4> {
    images.permute([0, 2, 3, 1])
}

/// Images `[batch, height, width, channels]` as `[batch, channels, height, width]`.
#[must_use]
pub fn channels_first(images: Tensor<4>) -> Tensor<4> {
    images.permute([0, 3, 1, 2])
}
