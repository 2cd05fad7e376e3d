//! The left factor in the order in which the tiles read it: term by term a number of each of some rows.

use std::ops::Range;

/// How the left factor is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Left {
    /// Row by row.
    Rows,
    /// Column by column.
    Columns,
}

/// A left factor of `count` rows of `inner` terms.
#[derive(Debug, Clone, Copy)]
pub(super) struct LeftFactor<'a> {
    pub numbers: &'a [f32],
    pub left: Left,
    pub count: usize,
    pub inner: usize,
}

impl LeftFactor<'_> {
    /// Packs some terms of at most `TILE` rows; what is missing of a tile are zeros.
    pub fn pack<const TILE: usize>(&self, rows: Range<usize>, terms: Range<usize>, to: &mut [[f32; TILE]]) {
        if rows.len() < TILE {
            to.fill([0.0; TILE]);
        }
        match self.left {
            Left::Rows => {
                for (i, row) in rows.enumerate() {
                    let from = &self.numbers[row * self.inner..][terms.clone()];
                    for (to, from) in to.iter_mut().zip(from) {
                        to[i] = *from;
                    }
                }
            }
            Left::Columns => {
                for (to, term) in to.iter_mut().zip(terms) {
                    to[..rows.len()].copy_from_slice(&self.numbers[term * self.count..][rows.clone()]);
                }
            }
        }
    }
}
