//! The sum of the rows of a matrix.

use super::MatrixError;
use super::factor::check_len;
use crate::InstructionSet;
use crate::kernel;

/// `sums[k] = sum over i of rows[i][k]`, the gradient of a bias that all rows were given; on the threads of the current rayon
/// pool, with the same bits on any number of them. There are as many columns as `sums` has numbers.
///
/// # Errors
/// [`MatrixError::Length`] if there is no whole number of rows. Nothing is written then.
pub fn row_sums(rows: &[f32], sums: &mut [f32]) -> Result<(), MatrixError> {
    let columns = sums.len();
    check_len("rows", rows.len(), [rows.len().checked_div(columns).unwrap_or(0), columns])?;
    if columns > 0 {
        kernel::row_sums::row_sums(InstructionSet::best(), rows, sums);
    }
    Ok(())
}
