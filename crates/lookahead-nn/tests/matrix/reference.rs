//! Products in doubles, by their definition, and what they are tried on.

use lookahead_nn::matrix::Start;

use crate::sums::{Sum, values};

/// `rows x inner` times `inner x columns`, and what is there before.
#[derive(Debug, Clone, Copy)]
pub struct Sizes {
    pub rows: usize,
    pub inner: usize,
    pub columns: usize,
}

pub struct Numbers {
    pub sizes: Sizes,
    pub a: Vec<f32>,
    pub b: Vec<f32>,
    /// What is there.
    pub c: Vec<f32>,
}

impl Numbers {
    pub fn of(sizes: Sizes, seed: u32) -> Self {
        let Sizes { rows, inner, columns } = sizes;
        let values = |len, part| values(len, seed.wrapping_add(part));
        Self { sizes, a: values(rows * inner, 0), b: values(inner * columns, 1), c: values(rows * columns, 2) }
    }
}

pub fn transposed(numbers: &[f32], columns: usize) -> Vec<f32> {
    (0..columns).flat_map(|column| numbers.iter().skip(column).step_by(columns)).copied().collect()
}

/// `A B`, and what `start` adds.
pub fn reference(numbers: &Numbers, start: Start<'_>) -> Vec<Sum> {
    let Sizes { inner, columns, .. } = numbers.sizes;
    let mut sums = vec![Sum::default(); numbers.c.len()];
    for (at, (sum, c)) in sums.iter_mut().zip(&numbers.c).enumerate() {
        match start {
            Start::Zero => {}
            Start::There => sum.add(*c, 1.0),
            Start::Row(row) => sum.add(row[at % columns], 1.0),
        }
    }
    for (sums, a) in sums.chunks_exact_mut(columns).zip(numbers.a.chunks_exact(inner)) {
        for (a, b) in a.iter().zip(numbers.b.chunks_exact(columns)) {
            for (sum, b) in sums.iter_mut().zip(b) {
                sum.add(*a, *b);
            }
        }
    }
    sums
}
