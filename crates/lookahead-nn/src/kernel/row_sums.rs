//! The sum of the rows of a matrix: the gradient of a bias.

use super::parts::{PARTS, in_parts, share};
use crate::InstructionSet;

/// Rows that are summed on their own before they are added: short sums are more accurate.
const ROWS: usize = 128;

/// `sums[k] = sum over i of rows[i][k]`.
pub(crate) fn row_sums(set: InstructionSet, rows: &[f32], sums: &mut [f32]) {
    let columns = sums.len();
    let count = rows.len() / columns;
    let blocks = count.div_ceil(ROWS);
    let parts = blocks.clamp(1, PARTS);
    in_parts(sums, parts, |part, sum| {
        let share = share(blocks, part, parts);
        let rows = &rows[share.start * ROWS * columns..(share.end * ROWS).min(count) * columns];
        let mut block_sum = vec![0.0; columns];
        set.dispatch(
            #[inline(always)]
            || {
                for block in rows.chunks(ROWS * columns) {
                    block_sum.fill(0.0);
                    for row in block.chunks_exact(columns) {
                        block_sum.iter_mut().zip(row).for_each(|(sum, number)| *sum += number);
                    }
                    sum.iter_mut().zip(&block_sum).for_each(|(sum, block)| *sum += block);
                }
            },
        );
    });
}
