//! Functions of single numbers and of rows, written so that the compiler makes vector instructions of them. They give the
//! same bits whatever those instructions are.

/// Lanes of a sum or maximum over a row: as many as the widest vector register holds.
const LANES: usize = 16;

/// e^x, to 2 units in the last place between -87 and 88, and constant beyond; NaN stays NaN.
#[inline(always)]
pub(in super::super) fn exp(x: f32) -> f32 {
    // 1.5 * 2^23: added to a small number, its last bits are that number rounded to a whole one.
    const ROUNDER: f32 = 12_582_912.0;
    // ln 2 in two parts, the first with few bits, so that its product with a small whole number is exact.
    const LN_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];
    let x = if x < -87.0 { -87.0 } else { x };
    let x = if x > 88.0 { 88.0 } else { x };
    // e^x = 2^n e^r with n = round(x / ln 2), so |r| <= ln 2 / 2
    let rounded = x * std::f32::consts::LOG2_E + ROUNDER;
    let n = rounded - ROUNDER;
    let r = x - n * LN_2[0] - n * LN_2[1];
    // e^r: the minimax polynomial of Cephes
    let p = 1.987_569_1e-4;
    let p = p * r + 1.398_199_9e-3;
    let p = p * r + 8.333_452e-3;
    let p = p * r + 4.166_579_6e-2;
    let p = p * r + 1.666_666_5e-1;
    let p = p * r + 0.5;
    let p = p * r * r + r + 1.0;
    // The bits of 2^n
    let scale = f32::from_bits((rounded.to_bits() << 23).wrapping_add(1.0_f32.to_bits()));
    p * scale
}

/// tanh(x), to a few units in the last place: the rational minimax approximation of Eigen and XLA; NaN stays NaN.
#[inline(always)]
pub(in super::super) fn tanh(x: f32) -> f32 {
    const BOUND: f32 = 7.905_311;
    let x = if x < -BOUND { -BOUND } else { x };
    let x = if x > BOUND { BOUND } else { x };
    let y = x * x;
    let p = -2.760_768_5e-16;
    let p = p * y + 2.000_188e-13;
    let p = p * y + -8.604_672e-11;
    let p = p * y + 5.122_297e-8;
    let p = p * y + 1.485_722_4e-5;
    let p = p * y + 6.372_619e-4;
    let p = p * y + 4.893_525e-3;
    let q = 1.198_258_4e-6;
    let q = q * y + 1.185_347_1e-4;
    let q = q * y + 2.268_434_6e-3;
    let q = q * y + 4.893_525e-3;
    p * x / q
}

/// 1 / (1 + e^-x)
#[inline(always)]
pub(in super::super) fn sigmoid(x: f32) -> f32 {
    // = (1 + tanh(x / 2)) / 2
    0.5 * tanh(0.5 * x) + 0.5
}

/// The largest number; that of none is minus infinity, and NaN does not count.
#[inline(always)]
pub(in super::super) fn maximum(values: &[f32]) -> f32 {
    let larger = |a: f32, b: f32| if b > a { b } else { a };
    let (rows, rest) = values.as_chunks::<LANES>();
    let mut lanes = [f32::NEG_INFINITY; LANES];
    for row in rows {
        lanes = std::array::from_fn(|lane| larger(lanes[lane], row[lane]));
    }
    lanes.iter().chain(rest).fold(f32::NEG_INFINITY, |most, &value| larger(most, value))
}

/// The sum of a function of each number.
#[inline(always)]
pub(in super::super) fn sum(values: &[f32], of: impl Fn(f32) -> f32) -> f32 {
    let (rows, rest) = values.as_chunks::<LANES>();
    let mut lanes = [0.0; LANES];
    for row in rows {
        lanes = std::array::from_fn(|lane| lanes[lane] + of(row[lane]));
    }
    lanes.iter().sum::<f32>() + rest.iter().map(|&value| of(value)).sum::<f32>()
}

/// The sum of the products of two rows of equal length.
#[inline(always)]
pub(in super::super) fn dot(one: &[f32], other: &[f32]) -> f32 {
    let ((one, one_rest), (other, other_rest)) = (one.as_chunks::<LANES>(), other.as_chunks::<LANES>());
    let mut lanes = [0.0; LANES];
    for (one, other) in one.iter().zip(other) {
        lanes = std::array::from_fn(|lane| lanes[lane] + one[lane] * other[lane]);
    }
    lanes.iter().sum::<f32>() + one_rest.iter().zip(other_rest).map(|(one, other)| one * other).sum::<f32>()
}

/// Adds `summands` to `sums`.
#[inline(always)]
pub(in super::super) fn add(sums: &mut [f32], summands: &[f32]) {
    sums.iter_mut().zip(summands).for_each(|(sum, summand)| *sum += summand);
}

#[cfg(test)]
mod tests {
    use super::{dot, exp, maximum, sigmoid, sum, tanh};

    /// The largest relative error of `f` beside `exact` between `from` and `to`.
    fn error(f: impl Fn(f32) -> f32, exact: impl Fn(f64) -> f64, from: f32, to: f32) -> f64 {
        let point = |i: u16| from + (to - from) * f32::from(i) / 50_000.0;
        let relative = |x: f32| {
            let exact = exact(f64::from(x));
            if exact == 0.0 { f64::from(f(x)).abs() } else { (f64::from(f(x)) / exact - 1.0).abs() }
        };
        (0..=50_000).map(|i| relative(point(i))).fold(0.0, f64::max)
    }

    #[test]
    fn functions_are_exact_to_a_few_units_in_the_last_place() {
        let unit = f64::from(f32::EPSILON);
        assert!(error(exp, f64::exp, -87.0, 88.0) < 2.0 * unit);
        assert!(error(tanh, f64::tanh, -9.0, 9.0) < 8.0 * unit);
        assert!(error(tanh, f64::tanh, -1e-3, 1e-3) < 8.0 * unit);
        // Its absolute error is what counts: a gate below 1e-7 is as good as shut.
        let sigmoid_exact = |x: f64| 1.0 / (1.0 + (-x).exp());
        assert!(error(|x| 1.0 + sigmoid(x), |x| 1.0 + sigmoid_exact(x), -30.0, 30.0) < 2.0 * unit);
    }

    #[test]
    fn what_is_not_finite_shows() {
        assert!([exp(f32::NAN), tanh(f32::NAN), sigmoid(f32::NAN)].iter().all(|y| y.is_nan()));
        assert_eq!(
            [tanh(f32::INFINITY), tanh(f32::NEG_INFINITY)].map(f32::abs).map(|y| (y - 1.0).abs() < 1e-6),
            [true; 2]
        );
        assert!(exp(f32::NEG_INFINITY) < 1e-37);
    }

    #[test]
    fn rows_of_any_length_are_summed() {
        for count in [0, 1, 15, 16, 17, 100] {
            let values: Vec<f32> = (0..count).map(|i| i as f32).collect();
            assert_eq!(sum(&values, |x| 2.0 * x), values.iter().sum::<f32>() * 2.0);
            assert_eq!(dot(&values, &values), values.iter().map(|x| x * x).sum::<f32>());
            assert_eq!(maximum(&values), values.last().copied().unwrap_or(f32::NEG_INFINITY));
        }
    }
}
