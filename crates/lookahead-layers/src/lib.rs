//! Layers for Burn, channels last: convolution, batch norm with addition and ReLU, pooling, linear layers. On the CPU they are
//! those of [`lookahead_nn`], forward and backward, without im2col and without a copy from one layer to the next; on any other
//! device, in any other precision and for what those do not take, Burn's own operations compute the same.
//!
//! Images are `[batch, height, width, channels]` from the first layer to the last: [`channels_last`] turns Burn's once. Layers
//! are Burn's own modules, with their fields and records; only the call is another:
//!
//! ```
//! use burn::nn::conv::Conv2dConfig;
//! use burn::nn::{BatchNormConfig, PaddingConfig2d};
//! use burn::tensor::{Device, Distribution, Tensor};
//! use lookahead_layers::{Epilogue, batch_norm, channels_last, conv2d, global_average};
//!
//! let device = Device::flex().autodiff();
//! let conv = Conv2dConfig::new([3, 16], [3, 3]).with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1)).init(&device);
//! let norm = BatchNormConfig::new(16).init(&device);
//! let images = Tensor::<4>::random([8, 3, 32, 32], Distribution::Default, &device);
//!
//! let y = batch_norm(&norm, conv2d(&conv, channels_last(images.clone())), Epilogue::relu());
//! assert_eq!(y.dims(), [8, 32, 32, 16]);
//! assert_eq!(global_average(y).dims(), [8, 16]);
//! ```
//!
//! On the CPU the same numbers give the same bits, with any number of threads.

#![deny(missing_docs)]

/// The ids of the parents that ask for a gradient.
macro_rules! ids {
    ($parents:expr) => {
        $parents.map(|parent| parent.map(|node| node.id))
    };
}

mod batch_norm;
mod convolution;
mod drop_in;
mod global_average;
mod layout;
mod linear;
mod max_pool;
mod padding;
mod relu;
mod shortcut;

pub use batch_norm::{Epilogue, batch_norm};
pub use convolution::conv2d;
pub use drop_in::Conv2d;
pub use global_average::global_average;
pub use layout::{channels_first, channels_last};
pub use linear::{linear, tied_scores};
pub use max_pool::max_pool2d;
pub use relu::relu;
pub use shortcut::thin_and_pad;

use burn::backend::Flex;
use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::grads::Gradients;
use burn::tensor::Tensor;
use lookahead_flex::Values;

/// What opens to the kernels: f32 on the CPU, and something in it.
fn opens(images: &Tensor<4>) -> bool {
    lookahead_flex::opens(images) && images.dims().iter().all(|&size| size > 0)
}

/// Hands a gradient on to a parent that asks for one.
fn hand_on(grads: &mut Gradients, parent: Option<NodeId>, gradient: impl FnOnce() -> Values) {
    if let Some(id) = parent {
        grads.register::<Flex>(id, gradient().into_primitive());
    }
}

/// The README's code, as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
