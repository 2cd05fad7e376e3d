//! A convolution that stands where Burn's stood.

use burn::module::{Content, DisplaySettings, Module, ModuleDisplay, Param};
use burn::nn::{PaddingConfig2d, conv};
use burn::tensor::Tensor;

use crate::{channels_first, channels_last, conv2d};

/// Burn's `Conv2d` with the kernels of this crate: its fields, its records and its layout `[batch, channels, height, width]`.
/// Turning the images costs 10 to 30 % of a small layer; a network that calls [`conv2d`] on images with channels last does not
/// pay it.
///
/// ```
/// use burn::nn::conv::Conv2dConfig;
/// use burn::tensor::{Device, Tensor};
/// use lookahead_layers::Conv2d;
///
/// let device = Device::flex();
/// let layer = Conv2d::from(Conv2dConfig::new([3, 8], [3, 3]).init(&device));
/// assert_eq!(layer.forward(Tensor::zeros([2, 3, 10, 10], &device)).dims(), [2, 8, 8, 8]);
/// ```
#[derive(Module, Debug)]
#[module(custom_display)]
pub struct Conv2d {
    /// `[output channels, input channels / groups, kernel height, kernel width]`.
    pub weight: Param<Tensor<4>>,
    /// `[output channels]`.
    pub bias: Option<Param<Tensor<1>>>,
    /// `[vertical, horizontal]`.
    pub stride: [usize; 2],
    /// `[height, width]`.
    pub kernel_size: [usize; 2],
    /// `[vertical, horizontal]`.
    pub dilation: [usize; 2],
    /// Into how many convolutions side by side the channels are divided.
    pub groups: usize,
    /// Zeros around the images.
    #[module(skip)]
    pub padding: PaddingConfig2d,
}

/// As Burn's.
impl ModuleDisplay for Conv2d {
    fn custom_settings(&self) -> Option<DisplaySettings> {
        conv::Conv2d::from(self.clone()).custom_settings()
    }

    fn custom_content(&self, content: Content) -> Option<Content> {
        conv::Conv2d::from(self.clone()).custom_content(content)
    }
}

impl From<conv::Conv2d> for Conv2d {
    fn from(layer: conv::Conv2d) -> Self {
        let conv::Conv2d { weight, bias, stride, kernel_size, dilation, groups, padding } = layer;
        Self { weight, bias, stride, kernel_size, dilation, groups, padding }
    }
}

impl From<Conv2d> for conv::Conv2d {
    fn from(layer: Conv2d) -> Self {
        let Conv2d { weight, bias, stride, kernel_size, dilation, groups, padding } = layer;
        Self { weight, bias, stride, kernel_size, dilation, groups, padding }
    }
}

impl Conv2d {
    /// As Burn's.
    ///
    /// # Panics
    /// As Burn's.
    #[must_use]
    pub fn forward(&self, images: Tensor<4>) -> Tensor<4> {
        channels_first(conv2d(&self.clone().into(), channels_last(images)))
    }
}
