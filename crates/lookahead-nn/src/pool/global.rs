//! The average over all pixels of an image, forward and backward: what stands before the classifier of a ResNet.

use rayon::prelude::*;

use super::average::{add_scaled, write_scaled};
use super::pooling::for_each_row;
use super::{ImageShape, PoolError};

/// y, `[batch, channels]`: the average of the pixels of each image of `x`. Sums are taken in f64.
///
/// # Errors
/// If `x` does not have `shape`, or `y` not one pixel for each image.
///
/// ```
/// use lookahead_nn::pool::{ImageShape, global_average};
/// let mut y = [0.0; 2];
/// global_average(ImageShape::new([1, 2, 1, 2])?, &[1.0, 10.0, 3.0, 20.0], &mut y)?;
/// assert_eq!(y, [2.0, 15.0]);
/// # Ok::<(), lookahead_nn::pool::PoolError>(())
/// ```
pub fn global_average(shape: ImageShape, x: &[f32], y: &mut [f32]) -> Result<(), PoolError> {
    let [batch, height, width, channels] = shape.dims();
    shape.check("x", x.len())?;
    let pixels = ImageShape::new([batch, 1, 1, channels])?;
    pixels.check("y", y.len())?;
    let reciprocal = 1.0 / (height * width) as f64;
    for_each_row(
        pixels,
        y.par_chunks_mut(channels).zip(x.par_chunks(shape.image())),
        #[inline(always)]
        |(_, _, (y, image)): (usize, usize, (&mut [f32], &[f32]))| {
            let mut sum = vec![0.0; channels];
            for pixel in image.chunks_exact(channels) {
                add_scaled(&mut sum, pixel, 1.0);
            }
            // y = sum x / pixels
            write_scaled(y, &sum, reciprocal);
        },
    );
    Ok(())
}

/// The gradient of the images from `dy`, `[batch, channels]`, that of their averages. `dx` is overwritten.
///
/// # Errors
/// If `dx` does not have `shape`, or `dy` not one pixel for each image.
///
/// ```
/// use lookahead_nn::pool::{ImageShape, global_average_backward};
/// let mut dx = [0.0; 4];
/// global_average_backward(ImageShape::new([1, 2, 1, 2])?, &[1.0, 3.0], &mut dx)?;
/// assert_eq!(dx, [0.5, 1.5, 0.5, 1.5]);
/// # Ok::<(), lookahead_nn::pool::PoolError>(())
/// ```
pub fn global_average_backward(shape: ImageShape, dy: &[f32], dx: &mut [f32]) -> Result<(), PoolError> {
    let [batch, height, width, channels] = shape.dims();
    ImageShape::new([batch, 1, 1, channels])?.check("dy", dy.len())?;
    shape.check("dx", dx.len())?;
    // dx = dy / pixels
    let reciprocal = 1.0 / (height * width) as f64;
    let shares: Vec<f32> = dy.iter().map(|&dy| (f64::from(dy) * reciprocal) as f32).collect();
    dx.par_chunks_mut(shape.image()).zip(shares.par_chunks(channels)).for_each(|(image, share)| {
        image.chunks_exact_mut(channels).for_each(|pixel| pixel.copy_from_slice(share));
    });
    Ok(())
}
