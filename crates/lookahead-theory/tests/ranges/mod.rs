//! What is asked of the analyses, the ends of its ranges included.

use lookahead_theory::Momentum;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

/// The same cases in every run.
pub fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, rng_seed: RngSeed::Fixed(1907), failure_persistence: None, ..ProptestConfig::default() }
}

/// Any double at all, the ends of the range, and sizes of which half are accepted.
pub fn numbers() -> impl Strategy<Value = f64> {
    let ends = [0.0, -0.0, 5e-324, 1e-310, f64::MIN_POSITIVE, 1e-100, 1.0, 1e100, 1e300, f64::MAX, f64::INFINITY];
    let size = |exponents| (exponents, 1.0..10.0_f64).prop_map(|(exponent, part)| part * 10_f64.powi(exponent));
    prop_oneof![prop::num::f64::ANY, prop::sample::select(ends.to_vec()), size(-120..120), size(-4..4), -2.0..2.0_f64]
}

/// A part of a whole, the ends of the range included.
pub fn parts() -> impl Strategy<Value = f64> {
    let near_one = (-16..0_i32).prop_map(|exponent| 1.0 - 10_f64.powi(exponent));
    prop_oneof![0.0..1.0_f64, near_one, (-320..0_i32).prop_map(|exponent| 10_f64.powi(exponent)), Just(1.0)]
}

pub fn momenta() -> impl Strategy<Value = Momentum> {
    prop_oneof![Just(0.0), parts()].prop_map(|beta| Momentum::new(beta).unwrap_or_default())
}
