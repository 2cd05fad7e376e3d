//! Batch norm, additions and ReLU through their public interface, beside plain loops in f64.

mod backward;
mod errors;
mod forward;
mod reference;
mod relu;
mod threads;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

/// The same cases in every run.
fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, rng_seed: RngSeed::Fixed(1502), failure_persistence: None, ..ProptestConfig::default() }
}

/// `len` numbers about `mean` with standard deviation `std`, from `seed`: sums of four uniform ones.
fn noise(seed: u64, len: usize, mean: f32, std: f32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(1);
    let mut uniform = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1 << 24) as f32 - 0.5
    };
    (0..len).map(|_| mean + std * 3.0_f32.sqrt() * (uniform() + uniform() + uniform() + uniform())).collect()
}

/// Root mean square.
fn rms(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0), |(sum, count), value| (sum + value * value, count + 1));
    (sum / f64::from(count)).sqrt()
}

/// The root mean square error of `got` is at most 1e-6 of `scale`.
#[track_caller]
fn assert_close(what: &str, got: &[f32], expected: &[f64], scale: f64) {
    assert_eq!(got.len(), expected.len(), "{what}");
    let error = rms(got.iter().zip(expected).map(|(&got, expected)| f64::from(got) - expected));
    assert!(error <= 1e-6 * scale, "{what}: error {error:e} beside {scale:e}");
}
