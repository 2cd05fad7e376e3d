//! The right factor of products, packed.

use super::MatrixError;
use super::multiply::Product;
use super::pack::{Left, LeftFactor};
use crate::InstructionSet;
use crate::kernel::panels::{Panels, WeightShape};

/// What a product is added to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Start<'a> {
    /// Nothing: `C = A B`, whatever was there.
    Zero,
    /// What is there: `C += A B`.
    There,
    /// These numbers, of every row as many as it has columns: `C = 1 r^T + A B`, whatever was there.
    Row(&'a [f32]),
}

/// A matrix B in the order in which the kernels read it, to be multiplied from the left.
///
/// The same numbers give the same bits on any number of threads, however the factors are given, and for each row of A whatever
/// the other rows are.
///
/// ```
/// use lookahead_nn::matrix::{Factor, Start};
///
/// # fn main() -> Result<(), lookahead_nn::matrix::MatrixError> {
/// let a = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]; // 3 x 2
/// let b = [1.0, 0.0, -1.0, 0.0, 1.0, 2.0]; // 2 x 3
/// let mut c = [0.0; 9];
/// Factor::new(&b, [2, 3])?.multiply(&a, Start::Zero, &mut c)?;
/// assert_eq!(c, [1.0, 2.0, 3.0, 3.0, 4.0, 5.0, 5.0, 6.0, 7.0]);
///
/// // A^T C, as the gradient of B needs it, added to what is there.
/// let mut d = [1.0; 6];
/// Factor::new(&c, [3, 3])?.multiply_transposed(&a, Start::There, &mut d)?;
/// assert_eq!(d, [36.0, 45.0, 54.0, 45.0, 57.0, 69.0]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Factor {
    panels: Panels,
    /// Rows and columns of B.
    shape: [usize; 2],
    set: InstructionSet,
}

impl Factor {
    /// Packs B, `[rows][columns]`, on the threads of the current rayon pool.
    ///
    /// # Errors
    /// [`MatrixError::Shape`] if a side is 0 or the packed numbers would have more than `isize::MAX` bytes,
    /// [`MatrixError::Length`] if `b` does not have `rows * columns` numbers.
    pub fn new(b: &[f32], [rows, columns]: [usize; 2]) -> Result<Self, MatrixError> {
        Self::new_with(InstructionSet::best(), b, [rows, columns])
    }

    /// Packs B, given as its transpose, `[columns][rows]`, on the threads of the current rayon pool.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn transposed(b: &[f32], [columns, rows]: [usize; 2]) -> Result<Self, MatrixError> {
        Self::transposed_with(InstructionSet::best(), b, [columns, rows])
    }

    /// [`new`](Self::new), with these vector instructions in place of the widest that there are.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    #[doc(hidden)]
    pub fn new_with(set: InstructionSet, b: &[f32], [rows, columns]: [usize; 2]) -> Result<Self, MatrixError> {
        check_factor(b, [rows, columns], [rows, columns])?;
        let shape = WeightShape { taps: 1, channels: rows, filters: columns, groups: 1 };
        Ok(Self { panels: Panels::forward(set, b, shape, None), shape: [rows, columns], set })
    }

    /// [`transposed`](Self::transposed), with these vector instructions in place of the widest that there are.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    #[doc(hidden)]
    pub fn transposed_with(set: InstructionSet, b: &[f32], [columns, rows]: [usize; 2]) -> Result<Self, MatrixError> {
        check_factor(b, [columns, rows], [rows, columns])?;
        let shape = WeightShape { taps: 1, channels: columns, filters: rows, groups: 1 };
        Ok(Self { panels: Panels::backward(set, b, shape), shape: [rows, columns], set })
    }

    /// Rows and columns of B.
    #[must_use]
    pub const fn shape(&self) -> [usize; 2] {
        self.shape
    }

    /// `C = A B`, with what `start` adds, on the threads of the current rayon pool: A is `[count][rows]`, C
    /// `[count][columns]`, for any count, 0 too.
    ///
    /// # Errors
    /// [`MatrixError::LeftFactor`] if `a` has no whole number of rows, [`MatrixError::Length`] if `c` does not have as many.
    pub fn multiply(&self, a: &[f32], start: Start<'_>, c: &mut [f32]) -> Result<(), MatrixError> {
        self.product(a, Left::Rows, start, c)?.on_all_threads();
        Ok(())
    }

    /// [`multiply`](Self::multiply) on the calling thread alone, for callers that have work for every thread.
    ///
    /// # Errors
    /// As [`multiply`](Self::multiply).
    pub fn multiply_here(&self, a: &[f32], start: Start<'_>, c: &mut [f32]) -> Result<(), MatrixError> {
        self.product(a, Left::Rows, start, c)?.here();
        Ok(())
    }

    /// [`multiply`](Self::multiply) with A given as its transpose, `[rows][count]`: so the gradient of a layer's weights comes
    /// from its inputs, `a`, and the gradient of its outputs, B.
    ///
    /// # Errors
    /// [`MatrixError::LeftFactor`] if `a` has no whole number of columns, [`MatrixError::Length`] if `c` does not have as many
    /// rows.
    pub fn multiply_transposed(&self, a: &[f32], start: Start<'_>, c: &mut [f32]) -> Result<(), MatrixError> {
        self.product(a, Left::Columns, start, c)?.on_all_threads();
        Ok(())
    }

    fn product<'a>(
        &'a self,
        a: &'a [f32],
        left: Left,
        start: Start<'a>,
        c: &'a mut [f32],
    ) -> Result<Product<'a>, MatrixError> {
        let [rows, columns] = self.shape;
        if !a.len().is_multiple_of(rows) {
            return Err(MatrixError::LeftFactor { found: a.len(), rows });
        }
        let count = a.len() / rows;
        check_len("c", c.len(), [count, columns])?;
        if let Start::Row(row) = start {
            check_len("start", row.len(), [1, columns])?;
        }
        let a = LeftFactor { numbers: a, left, count, inner: rows };
        Ok(Product { set: self.set, panels: &self.panels, a, columns, start, c })
    }
}

/// No vector is longer, and memory that begins on a cache line may need as many numbers more.
const LONGEST_VECTOR: usize = 16;

/// The most numbers that memory can hold.
const MOST: usize = isize::MAX as usize / size_of::<f32>();

/// Of B as it is given, whose `packed` rows and columns are these or the others.
fn check_factor(b: &[f32], [rows, columns]: [usize; 2], packed: [usize; 2]) -> Result<(), MatrixError> {
    let width = packed[1].checked_next_multiple_of(LONGEST_VECTOR);
    let len = width.and_then(|width| width.checked_mul(packed[0])).and_then(|len| len.checked_add(LONGEST_VECTOR));
    if rows == 0 || columns == 0 || len.is_none_or(|len| len > MOST) {
        return Err(MatrixError::Shape { rows, columns });
    }
    check_len("b", b.len(), [rows, columns])
}

pub(super) fn check_len(slice: &'static str, found: usize, [rows, columns]: [usize; 2]) -> Result<(), MatrixError> {
    if rows.checked_mul(columns) == Some(found) {
        Ok(())
    } else {
        Err(MatrixError::Length { slice, found, rows, columns })
    }
}
