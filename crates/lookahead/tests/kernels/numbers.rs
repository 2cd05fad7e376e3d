//! Numbers that arithmetic trips over, among ordinary ones.

use lookahead::Float;

const AWKWARD: [f64; 14] = [
    0.0,
    -0.0,
    f64::NAN,
    f64::INFINITY,
    f64::NEG_INFINITY,
    1e-40, // denormal in f32
    -3e-45,
    5e-324, // denormal in f64
    3.4e38,
    -3.4e38,
    1.7e308,
    1.0,
    -1.0,
    1e-8,
];

/// `length` values; every seventh one is awkward.
pub fn values<T: Float>(length: usize, seed: u64) -> Vec<T> {
    let value = |i: u64| {
        let hash = (i + 1).wrapping_mul(seed.wrapping_mul(2).wrapping_add(0x9e37_79b9_7f4a_7c15)).rotate_left(23);
        let hash = hash.wrapping_mul(0xbf58_476d_1ce4_e5b9);
        if hash.is_multiple_of(7) { AWKWARD[(hash >> 8) as usize % AWKWARD.len()] } else { ordinary(hash) }
    };
    (0..length as u64).map(value).map(T::from_f64).collect()
}

/// `length` values between -0.5 and 0.5.
pub fn ordinary_values<T: Float>(length: usize, seed: u64) -> Vec<T> {
    (0..length as u64)
        .map(|i| T::from_f64(ordinary((i + 1).wrapping_mul(seed | 1).wrapping_mul(0x9e37_79b9_7f4a_7c15))))
        .collect()
}

fn ordinary(hash: u64) -> f64 {
    (hash >> 11) as f64 / (1_u64 << 53) as f64 - 0.5
}

/// Lengths about the borders of vectors, groups and blocks.
pub const LENGTHS: [usize; 16] = [0, 1, 2, 3, 7, 15, 16, 17, 63, 64, 65, 1000, 4095, 4096, 4097, 9001];

/// The bits of each value; all NaNs are one, because which of two NaNs an operation passes on is not defined.
pub fn bits<T: Float>(values: &[T]) -> Vec<u64> {
    values.iter().map(|value| if value.to_f64().is_nan() { u64::MAX } else { value.to_f64().to_bits() }).collect()
}
