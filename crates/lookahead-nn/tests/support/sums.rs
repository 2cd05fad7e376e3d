//! Sums in doubles, numbers to sum, and how far others' sums are from them.

/// A sum, and the root of the sum of its squared terms: how large it is likely to be. Sums may cancel, rounding does not.
#[derive(Clone, Copy, Default)]
pub struct Sum {
    value: f64,
    squares: f64,
}

impl Sum {
    pub fn add(&mut self, a: f32, b: f32) {
        let term = f64::from(a) * f64::from(b);
        self.value += term;
        self.squares += term * term;
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

/// The root of the mean square of the error, relative to that of the sums' likely sizes.
pub fn relative_error(found: &[f32], expected: &[Sum]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let error: f64 = found.iter().zip(expected).map(|(found, sum)| (f64::from(*found) - sum.value).powi(2)).sum();
    let size: f64 = expected.iter().map(|sum| sum.squares).sum();
    if error == 0.0 { 0.0 } else { (error / size).sqrt() }
}
