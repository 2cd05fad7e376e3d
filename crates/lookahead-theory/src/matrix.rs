//! A small square matrix: the product and the spectral radius that the printed matrices of App. B.1 need, and no more.

use std::ops::{Index, IndexMut, Mul};

/// Squarings after which what is left of the size of the power counts for less than a rounding.
const SQUARINGS: u32 = 60;

/// A square matrix.
#[derive(Debug, Clone, PartialEq)]
pub struct Matrix {
    size: usize,
    // Row by row.
    entries: Vec<f64>,
}

impl Matrix {
    pub(crate) fn zeros(size: usize) -> Self {
        Self { size, entries: vec![0.0; size * size] }
    }

    /// The number of rows.
    #[must_use]
    pub fn size(&self) -> usize {
        self.size
    }

    /// A row.
    ///
    /// # Panics
    /// If there is no such row.
    #[must_use]
    pub fn row(&self, row: usize) -> &[f64] {
        &self.entries[row * self.size..][..self.size]
    }

    /// The largest size of an eigenvalue, by Gelfand's formula along n = 2^j: the n-th root of the size of the n-th power.
    #[must_use]
    pub fn spectral_radius(&self) -> f64 {
        let (mut power, mut share, mut ln_radius) = (self.clone(), 1.0, 0.0);
        for _ in 0..SQUARINGS {
            let norm = power.entries.iter().map(|entry| entry * entry).sum::<f64>().sqrt();
            if norm == 0.0 {
                return 0.0;
            }
            ln_radius += share * norm.ln();
            power.entries.iter_mut().for_each(|entry| *entry /= norm);
            (power, share) = (&power * &power, share / 2.0);
        }
        ln_radius.exp()
    }
}

impl Index<(usize, usize)> for Matrix {
    type Output = f64;

    fn index(&self, (row, column): (usize, usize)) -> &f64 {
        &self.entries[row * self.size + column]
    }
}

impl IndexMut<(usize, usize)> for Matrix {
    fn index_mut(&mut self, (row, column): (usize, usize)) -> &mut f64 {
        &mut self.entries[row * self.size + column]
    }
}

impl Mul for &Matrix {
    type Output = Matrix;

    /// # Panics
    /// If the sizes differ.
    fn mul(self, other: &Matrix) -> Matrix {
        assert_eq!(self.size, other.size, "matrices of one size");
        let mut product = Matrix::zeros(self.size);
        for row in 0..self.size {
            let into = &mut product.entries[row * self.size..][..self.size];
            // most entries are 0
            for (column, &entry) in self.row(row).iter().enumerate().filter(|(_, entry)| **entry != 0.0) {
                into.iter_mut().zip(other.row(column)).for_each(|(into, other)| *into += entry * other);
            }
        }
        product
    }
}
