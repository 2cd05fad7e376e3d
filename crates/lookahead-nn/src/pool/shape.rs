//! The shape of a batch of images.

use super::PoolError;

/// The shape of NHWC images: the value of channel c at (row, column) of image n is element
/// `((n * height + row) * width + column) * channels + c`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageShape {
    batch: usize,
    height: usize,
    width: usize,
    channels: usize,
}

impl ImageShape {
    /// `batch` images of `height` rows of `width` pixels of `channels` values.
    ///
    /// # Errors
    /// If one of them is zero, or there are more pixels in an image than `u32::MAX` or more elements than `isize::MAX`.
    ///
    /// ```
    /// use lookahead_nn::pool::ImageShape;
    /// assert_eq!(ImageShape::new([2, 32, 32, 3])?.elements(), 6144);
    /// assert_eq!(ImageShape::new([2, 0, 32, 3]).unwrap_err().to_string(), "height is 0; it must be at least 1");
    /// # Ok::<(), lookahead_nn::pool::PoolError>(())
    /// ```
    pub fn new([batch, height, width, channels]: [usize; 4]) -> Result<Self, PoolError> {
        for (dimension, size) in [("batch", batch), ("height", height), ("width", width), ("channels", channels)] {
            if size == 0 {
                return Err(PoolError::NoElements { dimension });
            }
        }
        let pixels = height.checked_mul(width).filter(|&pixels| u32::try_from(pixels).is_ok());
        let elements = pixels.and_then(|pixels| pixels.checked_mul(channels)?.checked_mul(batch));
        match elements {
            Some(elements) if isize::try_from(elements).is_ok() => Ok(Self { batch, height, width, channels }),
            _ => Err(PoolError::TooLarge { batch, height, width, channels }),
        }
    }

    /// Batch, height, width, channels.
    #[must_use]
    pub fn dims(self) -> [usize; 4] {
        [self.batch, self.height, self.width, self.channels]
    }

    /// The length of a slice that holds the images.
    #[must_use]
    pub fn elements(self) -> usize {
        self.batch * self.height * self.width * self.channels
    }

    /// Elements of one image.
    pub(super) fn image(self) -> usize {
        self.height * self.width * self.channels
    }

    /// Elements of one row of pixels.
    pub(super) fn row(self) -> usize {
        self.width * self.channels
    }

    /// The slice `name` has this shape's number of elements.
    pub(super) fn check(self, name: &'static str, got: usize) -> Result<(), PoolError> {
        let needed = self.elements();
        if got == needed { Ok(()) } else { Err(PoolError::Length { slice: name, got, needed }) }
    }
}
