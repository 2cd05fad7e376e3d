//! One axis of a pooling: which pixels a window holds, and which windows hold a pixel.
//!
//! Positions count from the start of the padding: window w starts at w * stride, pixel p is at p + before.

use std::ops::Range;

use super::PoolError;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Axis {
    pub(super) pixels: usize,
    pub(super) windows: usize,
    pub(super) kernel: usize,
    pub(super) stride: usize,
    pub(super) dilation: usize,
    /// Padding before the first pixel and after the last.
    pub(super) padding: [usize; 2],
}

impl Axis {
    /// Given all but the number of windows; every window then holds a pixel.
    pub(super) fn with_windows(self, name: &'static str, ceil: bool) -> Result<Self, PoolError> {
        let (extent, padded) = (self.extent(), self.padded());
        // In ceil mode the last window may miss up to stride - 1 pixels.
        let slack = if ceil { self.stride - 1 } else { 0 };
        let Some(room) = (padded + slack).checked_sub(extent) else {
            return Err(PoolError::WindowTooLarge { axis: name, extent, padded });
        };
        // windows = floor((padded - extent [+ stride - 1]) / stride) + 1
        let mut windows = room / self.stride + 1;
        // It must not start after the last pixel.
        if ceil && (windows - 1) * self.stride >= self.padding[0] + self.pixels {
            windows -= 1;
        }
        let axis = Self { windows, ..self };
        // A window that starts on a pixel holds that one: left are those that start in the padding.
        let [on_pixels, behind] = [self.padding[0], self.padding[0] + self.pixels];
        let [on_pixels, behind] = [on_pixels, behind].map(|position| position.div_ceil(self.stride).min(windows));
        let mut in_padding = (0..on_pixels).chain(behind..windows);
        match in_padding.find(|&window| axis.elements(window).is_empty()) {
            Some(window) => Err(PoolError::PaddingAlone { axis: name, window }),
            None => Ok(axis),
        }
    }

    /// From a window's first to its last pixel.
    #[inline(always)]
    fn extent(self) -> usize {
        (self.kernel - 1) * self.dilation + 1
    }

    fn padded(self) -> usize {
        self.padding[0] + self.pixels + self.padding[1]
    }

    /// The elements of `window` that lie before `position`.
    #[inline(always)]
    fn elements_before(self, window: usize, position: usize) -> usize {
        position.saturating_sub(window * self.stride).div_ceil(self.dilation).min(self.kernel)
    }

    /// The elements of `window` that are pixels.
    #[inline(always)]
    fn elements(self, window: usize) -> Range<usize> {
        let [before, _] = self.padding;
        self.elements_before(window, before)..self.elements_before(window, before + self.pixels)
    }

    /// The pixels of `window`, in order.
    #[inline(always)]
    pub(super) fn pixels_of(self, window: usize) -> impl Iterator<Item = usize> + Clone {
        self.elements(window).map(move |element| window * self.stride + element * self.dilation - self.padding[0])
    }

    /// How many pixels `window` holds.
    pub(super) fn pixel_count(self, window: usize) -> usize {
        self.elements(window).len()
    }

    /// How many pixels and padded places `window` holds: less than the kernel where it reaches over the padding's end.
    pub(super) fn padded_count(self, window: usize) -> usize {
        self.elements_before(window, self.padded())
    }

    /// The windows that hold `pixel`, in order.
    #[inline(always)]
    pub(super) fn windows_of(self, pixel: usize) -> impl Iterator<Item = usize> + Clone {
        let position = pixel + self.padding[0];
        let first = (position + 1).saturating_sub(self.extent()).div_ceil(self.stride);
        let end = (position / self.stride + 1).min(self.windows);
        (first..end).filter(move |window| (position - window * self.stride).is_multiple_of(self.dilation))
    }
}
