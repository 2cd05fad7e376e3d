//! Average pooling, forward and backward.

use rayon::prelude::*;

use super::pooling::for_each_row;
use super::{PoolError, Pooling};

/// What a window's sum is divided by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Denominator {
    /// The pixels and padded places that the window holds ("count include pad"), the usual one. Where a window reaches
    /// over the padding's end, in ceil mode, it holds less than the kernel.
    #[default]
    PixelsAndPadding,
    /// The pixels alone.
    Pixels,
}

impl Pooling {
    /// The average of each window, for each channel; padding counts as zeros. Sums are taken in f64.
    ///
    /// # Errors
    /// If `x` does not have the input's shape, or `y` not the output's.
    ///
    /// ```
    /// use lookahead_nn::pool::{Denominator, ImageShape, Pooling, Window};
    /// let window = Window::new([1, 2]).with_stride([1, 2]).with_padding([0, 1]);
    /// let pooling = Pooling::new(window, ImageShape::new([1, 1, 2, 1])?)?;
    /// let mut y = [0.0; 2];
    /// pooling.average(Denominator::PixelsAndPadding, &[2.0, 4.0], &mut y)?;
    /// assert_eq!(y, [1.0, 2.0]);
    /// pooling.average(Denominator::Pixels, &[2.0, 4.0], &mut y)?;
    /// assert_eq!(y, [2.0, 4.0]);
    /// # Ok::<(), lookahead_nn::pool::PoolError>(())
    /// ```
    pub fn average(&self, denominator: Denominator, x: &[f32], y: &mut [f32]) -> Result<(), PoolError> {
        self.input.check("x", x.len())?;
        self.output.check("y", y.len())?;
        let [_, height, width, channels] = self.input.dims();
        let reciprocals = self.reciprocals(denominator);
        for_each_row(
            self.output,
            y.par_chunks_mut(self.output.row()),
            #[inline(always)]
            |(image, window_row, y): (usize, usize, &mut [f32])| {
                let mut sum = vec![0.0; channels];
                for (window_column, y) in y.chunks_exact_mut(channels).enumerate() {
                    sum.fill(0.0);
                    for row in self.rows.pixels_of(window_row) {
                        for column in self.columns.pixels_of(window_column) {
                            let pixel = (image * height + row) * width + column;
                            add_scaled(&mut sum, &x[pixel * channels..][..channels], 1.0);
                        }
                    }
                    // y = sum x / count
                    write_scaled(y, &sum, reciprocals.of(window_row, window_column));
                }
            },
        );
        Ok(())
    }

    /// The gradient of the input from `dy`, that of the output. `dx` is overwritten.
    ///
    /// # Errors
    /// If `dy` does not have the output's shape, or `dx` not the input's.
    ///
    /// ```
    /// use lookahead_nn::pool::{Denominator, ImageShape, Pooling, Window};
    /// let pooling = Pooling::new(Window::new([1, 2]).with_stride([1, 1]), ImageShape::new([1, 1, 3, 1])?)?;
    /// let mut dx = [0.0; 3];
    /// pooling.average_backward(Denominator::Pixels, &[2.0, 4.0], &mut dx)?;
    /// assert_eq!(dx, [1.0, 3.0, 2.0]);
    /// # Ok::<(), lookahead_nn::pool::PoolError>(())
    /// ```
    pub fn average_backward(&self, denominator: Denominator, dy: &[f32], dx: &mut [f32]) -> Result<(), PoolError> {
        self.output.check("dy", dy.len())?;
        self.input.check("dx", dx.len())?;
        let [_, window_rows, window_columns, channels] = self.output.dims();
        let reciprocals = self.reciprocals(denominator);
        for_each_row(
            self.input,
            dx.par_chunks_mut(self.input.row()),
            #[inline(always)]
            |(image, row, dx): (usize, usize, &mut [f32])| {
                let mut sum = vec![0.0; channels];
                for (column, dx) in dx.chunks_exact_mut(channels).enumerate() {
                    sum.fill(0.0);
                    for window_row in self.rows.windows_of(row) {
                        for window_column in self.columns.windows_of(column) {
                            let window = (image * window_rows + window_row) * window_columns + window_column;
                            let dy = &dy[window * channels..][..channels];
                            // dx = sum over the pixel's windows of dy / count
                            add_scaled(&mut sum, dy, reciprocals.of(window_row, window_column));
                        }
                    }
                    write_scaled(dx, &sum, 1.0);
                }
            },
        );
        Ok(())
    }

    fn reciprocals(&self, denominator: Denominator) -> Reciprocals {
        let of = |axis: super::axis::Axis| {
            let count = |window| match denominator {
                Denominator::PixelsAndPadding => axis.padded_count(window),
                Denominator::Pixels => axis.pixel_count(window),
            };
            (0..axis.windows).map(|window| 1.0 / count(window) as f64).collect()
        };
        Reciprocals { rows: of(self.rows), columns: of(self.columns) }
    }
}

/// One over what each window holds, along either axis.
struct Reciprocals {
    rows: Vec<f64>,
    columns: Vec<f64>,
}

impl Reciprocals {
    fn of(&self, window_row: usize, window_column: usize) -> f64 {
        self.rows[window_row] * self.columns[window_column]
    }
}

/// sum += scale values
#[inline(always)]
pub(super) fn add_scaled(sum: &mut [f64], values: &[f32], scale: f64) {
    for (sum, &value) in sum.iter_mut().zip(values) {
        *sum += scale * f64::from(value);
    }
}

/// to = scale sum
#[inline(always)]
pub(super) fn write_scaled(to: &mut [f32], sum: &[f64], scale: f64) {
    for (to, sum) in to.iter_mut().zip(sum) {
        *to = (scale * sum) as f32;
    }
}
