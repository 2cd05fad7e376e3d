//! Max pooling, forward with the places of the maxima, and backward to them.

use rayon::prelude::*;

use super::pooling::for_each_row;
use super::{PoolError, Pooling};

/// Channels whose maxima are found together.
const LANES: usize = 16;

impl Pooling {
    /// The maximum of each window, for each channel, and where it was: `row * width + column` in the input image.
    ///
    /// Padding never wins. Among equals the first wins, in the order of rows and then columns; NaN beats all, and the
    /// last NaN beats the others, as in PyTorch.
    ///
    /// # Errors
    /// If `x` does not have the input's shape, or `y` or `places` not the output's.
    ///
    /// ```
    /// use lookahead_nn::pool::{ImageShape, Pooling, Window};
    /// let pooling = Pooling::new(Window::new([1, 2]), ImageShape::new([1, 1, 4, 1])?)?;
    /// let (mut y, mut places) = ([0.0; 2], [0; 2]);
    /// pooling.max(&[1.0, 5.0, 7.0, 7.0], &mut y, &mut places)?;
    /// assert_eq!((y, places), ([5.0, 7.0], [1, 2]));
    /// # Ok::<(), lookahead_nn::pool::PoolError>(())
    /// ```
    pub fn max(&self, x: &[f32], y: &mut [f32], places: &mut [u32]) -> Result<(), PoolError> {
        self.input.check("x", x.len())?;
        self.output.check("y", y.len())?;
        self.output.check("places", places.len())?;
        let row = self.output.row();
        for_each_row(
            self.output,
            y.par_chunks_mut(row).zip(places.par_chunks_mut(row)),
            #[inline(always)]
            |(image, window_row, (y, places))| {
                let x = &x[image * self.input.image()..][..self.input.image()];
                self.max_of_row(x, window_row, y, places);
            },
        );
        Ok(())
    }

    /// The maxima of the windows of one row of the output.
    #[inline(always)]
    fn max_of_row(&self, image: &[f32], window_row: usize, y: &mut [f32], places: &mut [u32]) {
        let [_, _, width, channels] = self.input.dims();
        let mut pixels = Vec::new();
        let windows = y.chunks_exact_mut(channels).zip(places.chunks_exact_mut(channels));
        for (window_column, (y, places)) in windows.enumerate() {
            pixels.clear();
            for row in self.rows.pixels_of(window_row) {
                pixels.extend(self.columns.pixels_of(window_column).map(|column| row * width + column));
            }
            let ((y, y_rest), (places, places_rest)) = (y.as_chunks_mut::<LANES>(), places.as_chunks_mut::<LANES>());
            let whole = y.len() * LANES;
            for (index, (y, places)) in y.iter_mut().zip(places).enumerate() {
                (*y, *places) = maxima(&image[index * LANES..], channels, &pixels);
            }
            for (index, (y, places)) in y_rest.iter_mut().zip(places_rest).enumerate() {
                ([*y], [*places]) = maxima(&image[whole + index..], channels, &pixels);
            }
        }
    }

    /// The gradient of the input from `dy`, that of the output, and the `places` that [`max`](Self::max) wrote. A pixel
    /// that was the maximum of several windows gets the sum. `dx` is overwritten.
    ///
    /// # Errors
    /// If `dy` or `places` does not have the output's shape, or `dx` not the input's.
    ///
    /// ```
    /// use lookahead_nn::pool::{ImageShape, Pooling, Window};
    /// let pooling = Pooling::new(Window::new([1, 2]).with_stride([1, 1]), ImageShape::new([1, 1, 3, 1])?)?;
    /// let (mut y, mut places, mut dx) = ([0.0; 2], [0; 2], [0.0; 3]);
    /// pooling.max(&[1.0, 5.0, 2.0], &mut y, &mut places)?;
    /// pooling.max_backward(&[10.0, 20.0], &places, &mut dx)?;
    /// assert_eq!(dx, [0.0, 30.0, 0.0]);
    /// # Ok::<(), lookahead_nn::pool::PoolError>(())
    /// ```
    pub fn max_backward(&self, dy: &[f32], places: &[u32], dx: &mut [f32]) -> Result<(), PoolError> {
        self.output.check("dy", dy.len())?;
        self.output.check("places", places.len())?;
        self.input.check("dx", dx.len())?;
        let [_, _, width, channels] = self.input.dims();
        let [_, window_rows, window_columns, _] = self.output.dims();
        for_each_row(
            self.input,
            dx.par_chunks_mut(self.input.row()),
            #[inline(always)]
            |(image, row, dx): (usize, usize, &mut [f32])| {
                for (column, dx) in dx.chunks_exact_mut(channels).enumerate() {
                    dx.fill(0.0);
                    let place = (row * width + column) as u32;
                    for window_row in self.rows.windows_of(row) {
                        for window_column in self.columns.windows_of(column) {
                            let window = (image * window_rows + window_row) * window_columns + window_column;
                            let elements = window * channels..(window + 1) * channels;
                            add_where_place(dx, &dy[elements.clone()], &places[elements], place);
                        }
                    }
                }
            },
        );
        Ok(())
    }
}

/// The maxima over `pixels`, of which there is at least one, of the first L channels of `image`, and their places.
///
/// Maxima stay in registers from pixel to pixel: in memory they would be written by masked stores, which are slow.
#[inline(always)]
fn maxima<const L: usize>(image: &[f32], channels: usize, pixels: &[usize]) -> ([f32; L], [u32; L]) {
    let (mut y, mut places) = ([f32::NEG_INFINITY; L], [pixels[0] as u32; L]);
    for &pixel in pixels {
        let x = &image[pixel * channels..][..L];
        for lane in 0..L {
            // (y, its place) = (x, this one) where x > y or x is NaN; `|` and not `||`: no branch
            let wins = (x[lane] > y[lane]) | x[lane].is_nan();
            y[lane] = if wins { x[lane] } else { y[lane] };
            // An `ImageShape` has no more pixels than a u32 can number.
            places[lane] = if wins { pixel as u32 } else { places[lane] };
        }
    }
    (y, places)
}

/// dx += dy where the maximum was at `place`
#[inline(always)]
fn add_where_place(dx: &mut [f32], dy: &[f32], places: &[u32], place: u32) {
    for ((dx, &dy), &at) in dx.iter_mut().zip(dy).zip(places) {
        *dx += if at == place { dy } else { 0.0 };
    }
}
