//! Weights in the order of other frameworks, from and to ours.

use rayon::prelude::*;

use super::{Conv2d, check_len};
use crate::Error;
use crate::kernel::transpose::{SIDE, transpose};

impl Conv2d {
    /// `[output channels, input channels / groups, kernel height, kernel width]`, as frameworks keep weights.
    #[must_use]
    pub const fn oihw_shape(&self) -> [usize; 4] {
        let [height, width, channels, filters] = self.weight_shape();
        [filters, channels, height, width]
    }

    /// Writes weights of [`oihw_shape`](Self::oihw_shape) in the order of [`weight_shape`](Self::weight_shape).
    ///
    /// ```
    /// use lookahead_nn::{Conv2d, ConvShape};
    ///
    /// let conv = Conv2d::new(&ConvShape::new([1, 4, 4, 1], 2, [1, 2]))?;
    /// let mut w = [0.0; 4];
    /// conv.weight_from_oihw(&[1.0, 2.0, 3.0, 4.0], &mut w)?;
    /// assert_eq!(w, [1.0, 3.0, 2.0, 4.0]);
    /// # Ok::<(), lookahead_nn::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Length`] if a slice does not have the length of its shape.
    pub fn weight_from_oihw(&self, oihw: &[f32], w: &mut [f32]) -> Result<(), Error> {
        check_len("the weight [out, in, height, width]", oihw.len(), self.oihw_shape())?;
        check_len("the weight", w.len(), self.weight_shape())?;
        let [filters, channels, height, width] = self.oihw_shape();
        let columns = channels * height * width;
        // Our rows (tap, channel) in the order of the columns (channel, tap).
        let mut taps: Vec<_> =
            w.chunks_exact_mut(channels * filters).map(|tap| tap.chunks_exact_mut(filters)).collect();
        let mut rows: Vec<&mut [f32]> = Vec::with_capacity(columns);
        for _ in 0..channels {
            rows.extend(taps.iter_mut().filter_map(Iterator::next));
        }
        rows.par_chunks_mut(SIDE).enumerate().for_each(|(block, rows)| {
            let from = |filter, column| &oihw[filter * columns + block * SIDE + column..];
            transpose([filters, rows.len()], from, |column, filter, numbers| {
                rows[column][filter..][..numbers.len()].copy_from_slice(numbers);
            });
        });
        Ok(())
    }

    /// Writes weights, or their gradient, of [`weight_shape`](Self::weight_shape) in the order of
    /// [`oihw_shape`](Self::oihw_shape).
    ///
    /// # Errors
    /// [`Error::Length`] if a slice does not have the length of its shape.
    pub fn weight_to_oihw(&self, w: &[f32], oihw: &mut [f32]) -> Result<(), Error> {
        check_len("the weight", w.len(), self.weight_shape())?;
        check_len("the weight [out, in, height, width]", oihw.len(), self.oihw_shape())?;
        let [filters, channels, height, width] = self.oihw_shape();
        let (taps, columns) = (height * width, channels * height * width);
        oihw.par_chunks_mut(SIDE * columns).enumerate().for_each(|(block, oihw)| {
            // Row (tap, channel) of ours is column (channel, tap).
            let from = |column, filter| {
                let row = column % taps * channels + column / taps;
                &w[row * filters + block * SIDE + filter..]
            };
            transpose([columns, oihw.len() / columns], from, |filter, column, numbers| {
                oihw[filter * columns + column..][..numbers.len()].copy_from_slice(numbers);
            });
        });
        Ok(())
    }
}
