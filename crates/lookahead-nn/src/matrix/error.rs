//! What can be wrong with the slices of a matrix product.

use thiserror::Error;

/// Why a product was refused. Nothing has been written then.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MatrixError {
    /// A side of the right factor is 0, or memory cannot hold it with its rows filled up to whole vectors.
    #[error("`b` is {rows} x {columns}, but both must be at least 1 and all numbers fit in memory")]
    Shape {
        /// The rows of the slice.
        rows: usize,
        /// The numbers of each.
        columns: usize,
    },
    /// The left factor does not go with the right one.
    #[error("`a` has {found} numbers, which is no multiple of {rows}, the rows of the right factor")]
    LeftFactor {
        /// What it has.
        found: usize,
        /// The rows of the right factor.
        rows: usize,
    },
    /// Another slice has another length than its shape says.
    #[error("`{slice}` has {found} numbers, but must have {rows} rows of {columns}")]
    Length {
        /// The argument's name: "b", "c", "start" or "rows".
        slice: &'static str,
        /// What it has.
        found: usize,
        /// The rows that it must have.
        rows: usize,
        /// The numbers of each.
        columns: usize,
    },
}
