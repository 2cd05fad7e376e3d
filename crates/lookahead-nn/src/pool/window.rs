//! The window of a pooling, as a layer is configured with it, before it meets an image.

use super::PoolError;

/// The largest kernel, stride, dilation or padding: far beyond use, and small enough that no sum of them overflows.
pub(super) const LARGEST: usize = u16::MAX as usize;

/// Which pixels a window holds and how far apart windows are. Pairs are (height, width).
///
/// By default windows do not overlap (stride = kernel), nothing is padded, the dilation is 1, and windows that reach
/// over the end are dropped.
///
/// ```
/// use lookahead_nn::pool::Window;
/// let after_a_resnet_stem = Window::new([3, 3]).with_stride([2, 2]).with_padding([1, 1]);
/// # let _ = after_a_resnet_stem;
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    pub(super) kernel: [usize; 2],
    pub(super) stride: [usize; 2],
    /// Before the first pixel and after the last.
    pub(super) padding: [[usize; 2]; 2],
    pub(super) dilation: [usize; 2],
    pub(super) ceil: bool,
}

impl Window {
    /// A window of `kernel` pixels, 1 to 65,535 along each axis.
    #[must_use]
    pub fn new(kernel: [usize; 2]) -> Self {
        Self { kernel, stride: kernel, padding: [[0; 2]; 2], dilation: [1; 2], ceil: false }
    }

    /// Pixels from one window to the next, 1 to 65,535.
    #[must_use]
    pub fn with_stride(self, stride: [usize; 2]) -> Self {
        Self { stride, ..self }
    }

    /// Padding on both sides, 0 to 65,535.
    #[must_use]
    pub fn with_padding(self, [height, width]: [usize; 2]) -> Self {
        self.with_uneven_padding([[height; 2], [width; 2]])
    }

    /// Padding `[[top, bottom], [left, right]]`, each 0 to 65,535.
    #[must_use]
    pub fn with_uneven_padding(self, padding: [[usize; 2]; 2]) -> Self {
        Self { padding, ..self }
    }

    /// Pixels from one element of a window to the next, 1 to 65,535.
    #[must_use]
    pub fn with_dilation(self, dilation: [usize; 2]) -> Self {
        Self { dilation, ..self }
    }

    /// Keeps a last window that reaches over the end, unless it starts there: "ceil mode".
    #[must_use]
    pub fn with_ceil(self) -> Self {
        Self { ceil: true, ..self }
    }

    /// Every number is in its range.
    pub(super) fn check(&self) -> Result<(), PoolError> {
        let [[top, bottom], [left, right]] = self.padding;
        let settings = [
            ("kernel", self.kernel, 1),
            ("stride", self.stride, 1),
            ("dilation", self.dilation, 1),
            ("padding before", [top, left], 0),
            ("padding after", [bottom, right], 0),
        ];
        for (setting, got, least) in settings {
            if got.iter().any(|value| !(least..=LARGEST).contains(value)) {
                return Err(PoolError::Setting { setting, got, least });
            }
        }
        Ok(())
    }
}
