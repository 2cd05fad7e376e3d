//! How a tensor of pixels is cut: into rows long enough for vector instructions, and into fixed parts for threads.
//!
//! What repeats every `channels` elements also repeats every `k * channels`. So a tensor with few channels is read as
//! one with more: a row holds several pixels and starts with channel 0, its last one may be shorter, and all loops run
//! over rows.

use super::pieces::PIECE;

/// At least so many elements a row (where pixels are shorter), so that a loop over a row is worth starting.
const ROW: usize = 128;
/// Rows of whole vectors are preferred: a multiple of so many elements.
const LANES: usize = 16;
/// But no longer than this: what is kept for each element of a row stays in the first-level cache.
const LONGEST_ROW: usize = 1024;
/// Sums are taken in at most so many parts, whatever the number of threads, and added in order.
const PARTS: usize = 16;

/// The cut of a tensor of `len` elements, which is a multiple of `channels`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rows {
    len: usize,
    channels: usize,
    width: usize,
}

impl Rows {
    pub(super) fn new(len: usize, channels: usize) -> Self {
        let whole = least_common_multiple(channels, LANES);
        let width = if whole > LONGEST_ROW { channels } else { whole * ROW.div_ceil(whole) };
        Self { len, channels, width }
    }

    /// Elements of a row: a multiple of the channels.
    pub(super) fn width(self) -> usize {
        self.width
    }

    /// Pixels of the tensor.
    pub(super) fn pixels(self) -> usize {
        self.len / self.channels
    }

    /// Elements of a part of a sum: whole rows.
    pub(super) fn part(self) -> usize {
        self.whole_rows(self.len.div_ceil(PARTS).max(PIECE))
    }

    /// Elements of a part of a pass that sums nothing: whole rows.
    pub(super) fn piece(self) -> usize {
        self.whole_rows(PIECE)
    }

    fn whole_rows(self, elements: usize) -> usize {
        elements.div_ceil(self.width) * self.width
    }

    /// A value for each channel as a value for each element of a row.
    pub(super) fn spread<T: Copy>(self, per_channel: impl Iterator<Item = T> + Clone) -> Vec<T> {
        per_channel.cycle().take(self.width).collect()
    }

    /// Sums for each element of a row as sums for each channel.
    pub(super) fn gather(self, per_element: &[f64]) -> Vec<f64> {
        let mut sums = vec![0.0; self.channels];
        for pixel in per_element.chunks_exact(self.channels) {
            sums.iter_mut().zip(pixel).for_each(|(sum, value)| *sum += value);
        }
        sums
    }
}

fn least_common_multiple(a: usize, b: usize) -> usize {
    let (mut divisor, mut rest) = (a, b);
    while rest != 0 {
        (divisor, rest) = (rest, divisor % rest);
    }
    (a / divisor).saturating_mul(b)
}
