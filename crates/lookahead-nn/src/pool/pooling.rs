//! A window over images of one shape: what all poolings share.

use rayon::prelude::*;

use super::axis::Axis;
use super::{ImageShape, PoolError, Window};
use crate::vectorized::vectorized;

/// A [`Window`] that moves over images of one shape, checked: its methods are the poolings.
///
/// Results are the same bits on any number of threads.
///
/// ```
/// use lookahead_nn::pool::{ImageShape, Pooling, Window};
///
/// let images = ImageShape::new([1, 2, 2, 3])?; // one image of 2 x 2 pixels of 3 channels
/// let pooling = Pooling::new(Window::new([2, 2]), images)?;
/// let x = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0];
/// let (mut y, mut places) = ([0.0; 3], [0; 3]);
/// pooling.max(&x, &mut y, &mut places)?;
/// assert_eq!((y, places), ([9.0, 10.0, 11.0], [3, 3, 3]));
/// # Ok::<(), lookahead_nn::pool::PoolError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pooling {
    pub(super) input: ImageShape,
    pub(super) output: ImageShape,
    pub(super) rows: Axis,
    pub(super) columns: Axis,
}

impl Pooling {
    /// `window` over images of shape `input`.
    ///
    /// # Errors
    /// If a number of the window is out of its range, the window does not fit in the padded images (in ceil mode it may
    /// miss stride - 1 pixels), or some window would hold padding alone.
    ///
    /// ```
    /// use lookahead_nn::pool::{ImageShape, Pooling, Window};
    /// let window = Window::new([3, 3]).with_stride([2, 2]).with_padding([1, 1]);
    /// let pooling = Pooling::new(window, ImageShape::new([8, 112, 112, 64])?)?;
    /// assert_eq!(pooling.output().dims(), [8, 56, 56, 64]);
    /// # Ok::<(), lookahead_nn::pool::PoolError>(())
    /// ```
    pub fn new(window: Window, input: ImageShape) -> Result<Self, PoolError> {
        window.check()?;
        let [batch, height, width, channels] = input.dims();
        let axis = |index: usize, name, pixels| {
            let [kernel, stride, dilation] = [window.kernel, window.stride, window.dilation].map(|pair| pair[index]);
            let axis = Axis { pixels, windows: 0, kernel, stride, dilation, padding: window.padding[index] };
            axis.with_windows(name, window.ceil)
        };
        let (rows, columns) = (axis(0, "height", height)?, axis(1, "width", width)?);
        let output = ImageShape::new([batch, rows.windows, columns.windows, channels])?;
        Ok(Self { input, output, rows, columns })
    }

    /// The shape of the images that go in.
    #[must_use]
    pub fn input(&self) -> ImageShape {
        self.input
    }

    /// The shape of the images that come out.
    #[must_use]
    pub fn output(&self) -> ImageShape {
        self.output
    }
}

/// Runs `work((image, row, what))`, [`vectorized`], for what `rows` has for each row of `shape`'s images, on all
/// threads.
pub(super) fn for_each_row<R: IndexedParallelIterator>(
    shape: ImageShape,
    rows: R,
    work: impl Fn((usize, usize, R::Item)) + Sync,
) {
    let [_, height, ..] = shape.dims();
    rows.enumerate().for_each(|(index, row)| vectorized(&work, (index / height, index % height, row)));
}
