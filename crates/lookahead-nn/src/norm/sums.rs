//! The two sums for each channel that statistics and gradients are made of.
//!
//! They are taken in f64, over fixed parts that are added in order: the bits depend on the tensor's shape alone. There
//! is no fused multiply-add, so neither do they depend on the CPU's instructions.

use rayon::prelude::*;

use super::rows::Rows;
use crate::vectorized::vectorized;

/// Rows that are added up before memory is written: two sums in f64 weigh as much as four rows.
pub(super) const BLOCK: usize = 8;

/// Two sums for each element of a row, later for each channel.
#[derive(Debug, Clone)]
pub(super) struct Sums {
    pub(super) first: Vec<f64>,
    pub(super) second: Vec<f64>,
}

impl Sums {
    /// What `part` adds for each of `parts`, [`vectorized`] and in parallel; then all of it in order, by channel.
    pub(super) fn of_parts<P: Send>(rows: Rows, parts: Vec<P>, part: impl Fn((P, &mut Self)) + Sync) -> Self {
        let zero = || Self { first: vec![0.0; rows.width()], second: vec![0.0; rows.width()] };
        let sums_of = |this: P| {
            let mut sums = zero();
            vectorized(&part, (this, &mut sums));
            sums
        };
        // A single part is left to the caller's thread: to wake another one takes as long.
        let parts: Vec<Self> = match parts.len() {
            1 => parts.into_iter().map(sums_of).collect(),
            _ => parts.into_par_iter().map(sums_of).collect(),
        };
        let total = parts.iter().fold(zero(), |mut total, part| {
            total.first.iter_mut().zip(&part.first).for_each(|(total, sum)| *total += sum);
            total.second.iter_mut().zip(&part.second).for_each(|(total, sum)| *total += sum);
            total
        });
        Self { first: rows.gather(&total.first), second: rows.gather(&total.second) }
    }

    /// Adds `x - origin` and its square, of at most [`BLOCK`] rows.
    #[inline(always)]
    pub(super) fn add_moments(&mut self, x: &[f32], origin: &[f64]) {
        self.add(x, x, origin, |_, distance| [distance, distance * distance]);
    }

    /// Adds `g` and `g (x - origin)`, of at most [`BLOCK`] rows.
    #[inline(always)]
    pub(super) fn add_products(&mut self, g: &[f32], x: &[f32], origin: &[f64]) {
        self.add(g, x, origin, |g, distance| [g, g * distance]);
    }

    /// Adds what `terms` makes of g and x - origin.
    #[inline(always)]
    fn add(&mut self, g: &[f32], x: &[f32], origin: &[f64], terms: impl Fn(f64, f64) -> [f64; 2] + Copy) {
        let width = self.first.len();
        if x.len() == BLOCK * width {
            add_rows::<BLOCK>(&mut self.first, &mut self.second, g, x, origin, terms);
        } else {
            for (g, x) in g.chunks(width).zip(x.chunks(width)) {
                let (first, second) = (&mut self.first[..x.len()], &mut self.second[..x.len()]);
                add_rows::<1>(first, second, g, x, origin, terms);
            }
        }
    }
}

/// Adds the terms of R whole rows.
#[inline(always)]
fn add_rows<const R: usize>(
    first: &mut [f64],
    second: &mut [f64],
    g: &[f32],
    x: &[f32],
    origin: &[f64],
    terms: impl Fn(f64, f64) -> [f64; 2],
) {
    let width = first.len();
    let (second, origin) = (&mut second[..width], &origin[..width]);
    let rows: [_; R] = std::array::from_fn(|row| (&g[row * width..][..width], &x[row * width..][..width]));
    for i in 0..width {
        let mut sums = [0.0; 2];
        for (g, x) in rows {
            let terms = terms(f64::from(g[i]), f64::from(x[i]) - origin[i]);
            sums = [sums[0] + terms[0], sums[1] + terms[1]];
        }
        first[i] += sums[0];
        second[i] += sums[1];
    }
}
