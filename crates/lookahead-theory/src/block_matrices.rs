//! The block matrices A, B and T of App. B.1 as printed: a cycle of Lookahead around classical momentum as a product
//! `A B^(k-1) T` that acts on k + 1 fast weights.

use lookahead::Alpha;

use crate::{Eigenvalues, Error, Matrix, Momentum};

const MOST_ROWS: usize = 512;

/// A, B and T for the stack `(theta_(t,0), theta_(t-1,k), …, theta_(t-1,1))`, each entry one block of all directions.
///
/// T takes the first step after a sync from the pulled-back weights, with the momentum `theta_(t-1,k) -
/// theta_(t-1,k-1)` of the last step before it: the printed matrices maintain the velocity. B is each further step, A
/// the interpolation.
#[derive(Debug, Clone, PartialEq)]
pub struct BlockMatrices {
    /// A: the new slow weights from the last fast ones and the old slow ones.
    pub interpolation: Matrix,
    /// B: one step of classical momentum, and a shift by one block.
    pub momentum_step: Matrix,
    /// T: the first step of a cycle, and a shift.
    pub transition: Matrix,
    sync_period: u32,
}

impl BlockMatrices {
    /// # Errors
    /// [`Error::OutOfRange`] unless `0 < lr < 2 (1 + beta) / L`; [`Error::PeriodTooShortToPrint`] if k < 2, for T reads
    /// two fast weights of the cycle before; [`Error::TooManyRows`] above 512 rows.
    ///
    /// ```
    /// use lookahead::Alpha;
    /// use lookahead_theory::{BlockMatrices, Eigenvalues, Momentum};
    /// let one = Eigenvalues::new(vec![1.0])?;
    /// let matrices = BlockMatrices::new(&one, 0.5, Momentum::new(0.9)?, 3, Alpha::new(0.5)?)?;
    /// assert_eq!(matrices.transition.row(0), [0.5, 0.9, -0.9, 0.0]);
    /// assert!(matrices.spectral_radius() < 1.0);
    /// # Ok::<(), lookahead_theory::Error>(())
    /// ```
    pub fn new(
        eigenvalues: &Eigenvalues,
        lr: f64,
        momentum: Momentum,
        sync_period: u32,
        alpha: Alpha,
    ) -> Result<Self, Error> {
        let (lr, beta, alpha) = (momentum.check_lr(lr, eigenvalues.largest())?, momentum.get(), alpha.get());
        if sync_period < 2 {
            return Err(Error::PeriodTooShortToPrint { sync_period });
        }
        let (directions, blocks) = (eigenvalues.as_slice(), sync_period as usize + 1);
        let size = directions.len().saturating_mul(blocks);
        if size > MOST_ROWS {
            return Err(Error::TooManyRows { size, most: MOST_ROWS });
        }
        // Below the first row of blocks an identity shifts all by one; the first row is given, as (column, entry).
        let block_matrix = |first_row: &dyn Fn(f64) -> Vec<(usize, f64)>| {
            let mut matrix = Matrix::zeros(size);
            for (i, &a) in directions.iter().enumerate() {
                for (column, entry) in first_row(a) {
                    matrix[(i, column * directions.len() + i)] += entry;
                }
                for block in 1..blocks {
                    matrix[(block * directions.len() + i, (block - 1) * directions.len() + i)] = 1.0;
                }
            }
            matrix
        };
        Ok(Self {
            interpolation: block_matrix(&|_| vec![(0, alpha), (blocks - 1, 1.0 - alpha)]),
            momentum_step: block_matrix(&|a| vec![(0, 1.0 + beta - lr * a), (1, -beta)]),
            transition: block_matrix(&|a| vec![(0, 1.0 - lr * a), (1, beta), (2, -beta)]),
            sync_period,
        })
    }

    /// The whole cycle, `A B^(k-1) T`.
    #[must_use]
    pub fn cycle(&self) -> Matrix {
        let steps = (1..self.sync_period).fold(self.transition.clone(), |product, _| &self.momentum_step * &product);
        &self.interpolation * &steps
    }

    /// The largest size of an eigenvalue of the cycle, in doubles; its k-th root is the contraction of an inner step.
    #[must_use]
    pub fn spectral_radius(&self) -> f64 {
        self.cycle().spectral_radius()
    }
}
