//! Stochastic rounding: unbiased, between neighbours, reproducible.

use lookahead::Alpha;
use lookahead::kernels::bf16::{Rounding, pull_back, pull_back_reference, round, store, widen};

use crate::numbers::{bits, values};

#[test]
fn the_mean_over_all_random_bits_is_the_value() {
    for value in [1.0_f32, 1.003, -0.7123, 3e-3, 1e-40, -1e30, 0.0] {
        let mean = (0..=0xffff).map(|random| f64::from(widen(round(value, random)))).sum::<f64>() / 65_536.0;
        assert!((mean - f64::from(value)).abs() <= 1e-12 * f64::from(value.abs()), "{value}: {mean}");
    }
}

#[test]
fn a_rounding_is_one_of_the_two_neighbours() {
    for value in values::<f32>(2000, 3).into_iter().filter(|value| value.is_finite()) {
        let (low, high) = (widen(round(value, 0)), widen(round(value, 0xffff)));
        assert!(low.abs() <= value.abs() && (high.abs() >= value.abs() || value.abs() > 3.3e38), "{value}");
        for random in [1, 0x7fff, 0x8000, 0xfffe] {
            let rounded = widen(round(value, random));
            assert!(rounded.to_bits() == low.to_bits() || rounded.to_bits() == high.to_bits(), "{value}");
        }
        if low != 0.0 && value.abs() > 1e-37 {
            assert!(((high - value) / value).abs() < 2.0_f32.powi(-7), "{value}");
        }
    }
}

#[test]
fn what_is_a_bf16_number_stays() {
    for bits in (0..=u16::MAX).filter(|&bits| widen(bits).is_finite()) {
        assert_eq!([0, 0xffff].map(|random| round(widen(bits), random)), [bits; 2]);
    }
}

#[test]
fn nothing_rounds_to_infinity() {
    for value in [f32::MAX, f32::MIN, 3.39e38, 3.4e38] {
        assert!([0, 0x8000, 0xffff].map(|random| widen(round(value, random))).iter().all(|v| v.is_finite()), "{value}");
    }
}

/// Known answers of the generator cannot be asked for through this interface; that its bits look random can.
#[test]
fn the_random_bits_are_uniform_and_differ_by_seed_sync_and_tensor() {
    let draw = |rounding| {
        let mut slow = vec![0_u16; 65_536];
        // between 1 and the next bf16 number: rounds up where the 16 random bits are at least 0x8000
        store(&mut slow, &vec![f32::from_bits(0x3f80_8000); 65_536], rounding);
        slow.iter().map(|&bits| bits == 0x3f81).collect::<Vec<bool>>()
    };
    let draws: Vec<Vec<bool>> = [(1, 2, 3), (2, 2, 3), (1, 3, 3), (1, 2, 4)]
        .map(|(seed, event, tensor)| draw(Rounding::at_sync(seed, event, tensor)))
        .to_vec();
    for (i, ups) in draws.iter().enumerate() {
        // standard deviation: 128
        let count = ups.iter().filter(|&&up| up).count();
        assert!(count.abs_diff(32_768) < 640, "{count}");
        for lag in [1, 2, 16, 32, 48, 64] {
            let equal = ups.iter().zip(&ups[lag..]).filter(|(a, b)| a == b).count();
            assert!(equal.abs_diff((65_536 - lag) / 2) < 640, "lag {lag}: {equal}");
        }
        for others in &draws[..i] {
            let equal = ups.iter().zip(others).filter(|(a, b)| a == b).count();
            assert!(equal.abs_diff(32_768) < 640, "{equal}");
        }
    }
    assert_eq!(draws[0], draw(Rounding::at_sync(1, 2, 3)));
}

#[test]
fn groups_draw_what_single_elements_draw() {
    for length in [0, 1, 63, 64, 65, 4096, 9001] {
        for alpha in [0.3, 1.0] {
            let alpha = Alpha::new(alpha).expect("in range");
            let rounding = Rounding::at_sync(7, 8, 9);
            let (mut slow, mut fast) = (vec![0_u16; length], values::<f32>(length, 1));
            store(&mut slow, &vec![0.1_f32; length], rounding);
            let (mut slow_plain, mut fast_plain) = (slow.clone(), fast.clone());
            let refused = pull_back_reference(&mut slow_plain, &mut fast_plain, alpha, rounding);
            assert_eq!(pull_back(&mut slow, &mut fast, alpha, rounding), refused);
            assert_eq!((slow, bits(&fast)), (slow_plain, bits(&fast_plain)));
        }
    }
}
