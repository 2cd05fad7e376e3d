//! Pooling through its public interface, beside plain loops over signed positions.

mod average;
mod errors;
mod global;
mod max;
mod reference;
mod shapes;
mod threads;

use lookahead_nn::pool::{ImageShape, Pooling, Window};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use reference::Config;

/// The same cases in every run.
fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, rng_seed: RngSeed::Fixed(1989), failure_persistence: None, ..ProptestConfig::default() }
}

/// Small images under windows of all kinds that fit.
fn configs() -> impl Strategy<Value = Config> {
    let axis = || (1..5_usize, 1..4_usize, 1..4_usize, 0..3_usize, 0..3_usize, 1..12_usize);
    let channels = prop_oneof![Just(1_usize), Just(3), Just(16), Just(17), 1..40_usize];
    (axis(), axis(), 1..4_usize, channels, any::<bool>()).prop_map(|(rows, columns, batch, channels, ceil)| {
        let (kernel, stride, dilation) = ([rows.0, columns.0], [rows.1, columns.1], [rows.2, columns.2]);
        let padding = [[rows.3, rows.4], [columns.3, columns.4]];
        Config { kernel, stride, dilation, padding, ceil, input: [batch, rows.5, columns.5, channels] }
    })
}

/// The pooling that `config` says, if every window holds a pixel.
fn pooling(config: &Config) -> Option<Pooling> {
    let window = Window::new(config.kernel)
        .with_stride(config.stride)
        .with_dilation(config.dilation)
        .with_uneven_padding(config.padding);
    let window = if config.ceil { window.with_ceil() } else { window };
    Pooling::new(window, ImageShape::new(config.input).unwrap()).ok()
}

/// `len` numbers from -1 to 1 in steps of 1/8, so that some are equal.
fn coarse(seed: u64, len: usize) -> Vec<f32> {
    noise(seed, len).iter().map(|value| (value * 8.0).round() / 8.0).collect()
}

/// `len` numbers from -1 to 1.
fn noise(seed: u64, len: usize) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(1);
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..len).map(|_| next()).collect()
}

/// The root mean square error of `got` is at most 1e-6 of the root mean square of `expected`.
#[track_caller]
fn assert_close(got: &[f32], expected: &[f64]) {
    assert_eq!(got.len(), expected.len());
    let squares = |values: &mut dyn Iterator<Item = f64>| values.map(|value| value * value).sum::<f64>();
    let error = squares(&mut got.iter().zip(expected).map(|(&got, expected)| f64::from(got) - expected));
    let scale = squares(&mut expected.iter().copied());
    assert!(error <= 1e-12 * scale, "squared error {error:e} beside {scale:e}");
}
