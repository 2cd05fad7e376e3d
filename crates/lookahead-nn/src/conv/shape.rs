//! What a convolution is: sizes as they are asked for, and checked.

use crate::Error;

/// Zeros around each image, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Padding {
    /// Rows above.
    pub top: usize,
    /// Rows below.
    pub bottom: usize,
    /// Columns on the left.
    pub left: usize,
    /// Columns on the right.
    pub right: usize,
}

impl From<usize> for Padding {
    /// The same on all four sides.
    fn from(pixels: usize) -> Self {
        Self { top: pixels, bottom: pixels, left: pixels, right: pixels }
    }
}

impl From<[usize; 2]> for Padding {
    /// `[above and below, left and right]`.
    fn from([vertical, horizontal]: [usize; 2]) -> Self {
        Self { top: vertical, bottom: vertical, left: horizontal, right: horizontal }
    }
}

/// The sizes of a convolution, unchecked: [`Conv2d::new`](crate::Conv2d::new) checks them.
///
/// ```
/// use lookahead_nn::{Conv2d, ConvShape, Padding};
///
/// let shape = ConvShape::new([1, 7, 5, 4], 8, [3, 2])
///     .with_padding(Padding { top: 2, ..Padding::default() })
///     .with_dilation([2, 1])
///     .with_groups(2);
/// assert_eq!(Conv2d::new(&shape)?.output_shape(), [1, 5, 4, 8]);
/// # Ok::<(), lookahead_nn::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConvShape {
    /// `[batch, height, width, channels]`, each at least 1.
    pub input: [usize; 4],
    /// The number of filters, at least 1.
    pub out_channels: usize,
    /// `[height, width]` of the filters, each at least 1.
    pub kernel: [usize; 2],
    /// `[vertical, horizontal]`, each at least 1. The default is 1.
    pub stride: [usize; 2],
    /// Zeros around the images. The default is none.
    pub padding: Padding,
    /// `[vertical, horizontal]` distance of a filter's taps, each at least 1. The default is 1: neighbours.
    pub dilation: [usize; 2],
    /// Into how many convolutions side by side the channels are divided: a divisor of input and output channels. The
    /// default is 1; as many as there are channels make the convolution depthwise.
    pub groups: usize,
}

impl ConvShape {
    /// Filters of `kernel` `[height, width]` over images of `[batch, height, width, channels]`, all else at its default.
    #[must_use]
    pub const fn new(input: [usize; 4], out_channels: usize, kernel: [usize; 2]) -> Self {
        let padding = Padding { top: 0, bottom: 0, left: 0, right: 0 };
        Self { input, out_channels, kernel, stride: [1, 1], padding, dilation: [1, 1], groups: 1 }
    }

    /// Another stride, `[vertical, horizontal]`.
    #[must_use]
    pub const fn with_stride(mut self, stride: [usize; 2]) -> Self {
        self.stride = stride;
        self
    }

    /// Other zeros around the images: one number, `[vertical, horizontal]`, or a [`Padding`].
    #[must_use]
    pub fn with_padding(mut self, padding: impl Into<Padding>) -> Self {
        self.padding = padding.into();
        self
    }

    /// Another dilation, `[vertical, horizontal]`.
    #[must_use]
    pub const fn with_dilation(mut self, dilation: [usize; 2]) -> Self {
        self.dilation = dilation;
        self
    }

    /// Another number of groups.
    #[must_use]
    pub const fn with_groups(mut self, groups: usize) -> Self {
        self.groups = groups;
        self
    }

    /// The two axes along which the kernel slides.
    pub(super) fn axes(&self) -> [AxisShape; 2] {
        let Padding { top, left, .. } = self.padding;
        let [.., height, width, _] = self.input;
        let axis = |index: usize, size, before| AxisShape {
            size,
            kernel: self.kernel[index],
            stride: self.stride[index],
            before,
            dilation: self.dilation[index],
        };
        [axis(0, height, top), axis(1, width, left)]
    }

    /// The output's `[batch, height, width, channels]`, once all is found right.
    pub(super) fn check(&self) -> Result<[usize; 4], Error> {
        let [batch, height, width, in_channels] = self.input;
        let sizes = [
            ("the batch", batch),
            ("the height", height),
            ("the width", width),
            ("the number of input channels", in_channels),
            ("the number of output channels", self.out_channels),
            ("the kernel's height", self.kernel[0]),
            ("the kernel's width", self.kernel[1]),
            ("the vertical stride", self.stride[0]),
            ("the horizontal stride", self.stride[1]),
            ("the vertical dilation", self.dilation[0]),
            ("the horizontal dilation", self.dilation[1]),
            ("the number of groups", self.groups),
        ];
        if let Some((name, _)) = sizes.into_iter().find(|(_, size)| *size == 0) {
            return Err(Error::Zero { name });
        }
        let groups = self.groups;
        for (name, channels) in [("input channels", in_channels), ("output channels", self.out_channels)] {
            if channels % groups != 0 {
                return Err(Error::Groups { name, channels, groups });
            }
        }
        let Padding { bottom, right, .. } = self.padding;
        let [vertical, horizontal] = self.axes();
        let output = [
            batch,
            vertical.output(("height", "the padded height", "the kernel's dilated height"), bottom)?,
            horizontal.output(("width", "the padded width", "the kernel's dilated width"), right)?,
            self.out_channels,
        ];
        check_product("the input", self.input)?;
        check_product("the output", output)?;
        check_product("the weights", self.weight())?;
        Ok(output)
    }

    /// `[kernel height, kernel width, input channels / groups, output channels]`.
    pub(super) const fn weight(&self) -> [usize; 4] {
        [self.kernel[0], self.kernel[1], self.input[3] / self.groups, self.out_channels]
    }
}

/// One of the two axes along which a kernel slides.
#[derive(Debug, Clone, Copy)]
pub(super) struct AxisShape {
    pub size: usize,
    pub kernel: usize,
    pub stride: usize,
    /// Zeros above or on the left.
    pub before: usize,
    pub dilation: usize,
}

impl AxisShape {
    /// The length of the output with `after` zeros below or on the right.
    fn output(&self, names: (&'static str, &'static str, &'static str), after: usize) -> Result<usize, Error> {
        let (name, padded_name, kernel_name) = names;
        let padded = self.size.checked_add(self.before).and_then(|sum| sum.checked_add(after));
        let padded = padded.filter(|padded| isize::try_from(*padded).is_ok());
        let padded = padded.ok_or(Error::TooLarge { name: padded_name })?;
        let kernel = (self.kernel - 1).checked_mul(self.dilation).and_then(|span| span.checked_add(1));
        let kernel = kernel.ok_or(Error::TooLarge { name: kernel_name })?;
        let room = padded.checked_sub(kernel).ok_or(Error::KernelTooLarge { name, kernel, padded })?;
        Ok(room / self.stride + 1)
    }
}

/// Refuses what is more than `isize::MAX` bytes, as a slice is.
fn check_product(name: &'static str, shape: [usize; 4]) -> Result<(), Error> {
    let numbers = shape.into_iter().try_fold(1_usize, usize::checked_mul);
    let bytes = numbers.and_then(|numbers| numbers.checked_mul(size_of::<f32>()));
    bytes.and_then(|bytes| isize::try_from(bytes).ok()).map(|_| ()).ok_or(Error::TooLarge { name })
}
