//! Products in doubles, by their definition, and numbers to try them on.

use lookahead_nn::matrix::Start;

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

/// Between -1/2 and 1/2: the upper 24 bits of a hash (the finalizer of MurmurHash3) of the place.
pub fn values(len: usize, seed: u32) -> Vec<f32> {
    let hash = |place: u32| {
        let bits = place.wrapping_mul(0x9E37_79B9).wrapping_add(seed.wrapping_mul(0x7F4A_7C15));
        let bits = (bits ^ (bits >> 16)).wrapping_mul(0x85EB_CA6B);
        let bits = (bits ^ (bits >> 13)).wrapping_mul(0xC2B2_AE35);
        bits ^ (bits >> 16)
    };
    (0..).take(len).map(|place| (hash(place) >> 8) as f32 / 16_777_216.0 - 0.5).collect()
}

pub fn transposed(numbers: &[f32], columns: usize) -> Vec<f32> {
    (0..columns).flat_map(|column| numbers.iter().skip(column).step_by(columns)).copied().collect()
}

/// A sum, and the sum of its squared terms: the root is how large it is likely to be. Sums may cancel, rounding does not.
#[derive(Clone, Copy)]
pub struct Sum {
    pub value: f64,
    squares: f64,
}

/// `A B`, and what `start` adds.
pub fn reference(numbers: &Numbers, start: Start<'_>) -> Vec<Sum> {
    let Sizes { inner, columns, .. } = numbers.sizes;
    let start = |(at, c): (usize, &f32)| match start {
        Start::Zero => 0.0,
        Start::There => f64::from(*c),
        Start::Row(row) => f64::from(row[at % columns]),
    };
    let starts = numbers.c.iter().enumerate().map(start);
    let mut sums: Vec<_> = starts.map(|value| Sum { value, squares: value * value }).collect();
    for (sums, a) in sums.chunks_exact_mut(columns).zip(numbers.a.chunks_exact(inner)) {
        for (a, b) in a.iter().zip(numbers.b.chunks_exact(columns)) {
            for (sum, b) in sums.iter_mut().zip(b) {
                let term = f64::from(*a) * f64::from(*b);
                sum.value += term;
                sum.squares += term * term;
            }
        }
    }
    sums
}

/// The root of the mean square of the error, relative to that of the sums' likely sizes.
pub fn relative_error(found: &[f32], expected: &[Sum]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let error: f64 = found.iter().zip(expected).map(|(found, sum)| (f64::from(*found) - sum.value).powi(2)).sum();
    let size: f64 = expected.iter().map(|sum| sum.squares).sum();
    if error == 0.0 { 0.0 } else { (error / size).sqrt() }
}
