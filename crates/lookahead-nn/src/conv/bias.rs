//! The gradient of the bias: a sum over all pixels.

use super::parts::{PARTS, in_parts, share};
use crate::InstructionSet;

/// Pixels that are summed on their own before they are added: short sums are more accurate.
const PIXELS: usize = 128;

/// `db[k] = sum over pixels of dy[pixel][k]`.
pub(super) fn gradient(set: InstructionSet, dy: &[f32], db: &mut [f32]) {
    let channels = db.len();
    let pixels = dy.len() / channels;
    let blocks = pixels.div_ceil(PIXELS);
    let parts = blocks.clamp(1, PARTS);
    in_parts(db, parts, |part, sum| {
        let share = share(blocks, part, parts);
        let dy = &dy[share.start * PIXELS * channels..(share.end * PIXELS).min(pixels) * channels];
        let mut block_sum = vec![0.0; channels];
        set.dispatch(
            #[inline(always)]
            || {
                for block in dy.chunks(PIXELS * channels) {
                    block_sum.fill(0.0);
                    for pixel in block.chunks_exact(channels) {
                        block_sum.iter_mut().zip(pixel).for_each(|(sum, dy)| *sum += dy);
                    }
                    sum.iter_mut().zip(&block_sum).for_each(|(sum, block)| *sum += block);
                }
            },
        );
    });
}
