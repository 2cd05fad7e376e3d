//! What a small part of x in y costs in f32: the range of Schedule-Free's beta and of GPA's mu_y.

use lookahead::kernels::primal::{Coefficients, average, close, open};
use lookahead::{Float, Gpa, ScheduleFree};

const LR: f64 = 0.1;
const STEPS: u64 = 1000;

/// x after 1000 steps of SGD on a quadratic with its least value at 1, and so much noise; `weight_of` a step is how far x goes.
fn x<T: Float>(part: f64, noise: f64, weight_of: impl Fn(u64) -> f64) -> Vec<f64> {
    let start = |i: u32| T::from_f64((0.9 * f64::from(i) + 0.3).cos());
    let mut weights: Vec<T> = (0..8).map(start).collect();
    let mut kept = weights.clone();
    let lr = T::from_f64(LR);
    for t in 1..=STEPS {
        let gradient = |(i, y): (u32, &T)| {
            let curvature = 0.3 + 0.1 * f64::from(i);
            let noise = noise * (t as f64 * f64::from(i + 1) * 0.7).sin();
            T::from_f64(curvature * (y.to_f64() - 1.0) + noise)
        };
        let gradients: Vec<T> = (0..).zip(&weights).map(gradient).collect();
        let c = Coefficients { interpolation: part, weight: weight_of(t), decay: 0.0, keep: [1.0; 2] }.in_precision();
        open(&mut weights, &mut kept, c);
        weights.iter_mut().zip(gradients).for_each(|(z, g)| *z = *z - lr * g);
        close(&mut weights, &mut kept, c);
    }
    average(&weights, &kept, T::from_f64(part)).into_iter().map(Float::to_f64).collect()
}

/// How far x in f32 is from x in f64, as a part of the largest x.
fn error(part: f64, noise: f64, weight_of: impl Fn(u64) -> f64) -> f64 {
    let (single, double) = (x::<f32>(part, noise, &weight_of), x::<f64>(part, noise, &weight_of));
    let largest = |values: &mut dyn Iterator<Item = f64>| values.fold(0.0_f64, |most, value| most.max(value.abs()));
    let apart = largest(&mut single.iter().zip(&double).map(|(single, double)| single - double));
    apart / largest(&mut double.into_iter())
}

/// Each error within a factor of 3: it is of rounding.
#[test]
fn x_is_off_by_the_rounding_of_y_over_its_part_in_y() {
    // Schedule-Free with noise and without, GPA with noise and without
    let measured = [
        (0.5, [1.6e-6, 2.7e-5, 1.0e-6, 7.0e-6]),
        (0.1, [8.2e-6, 2.9e-5, 4.9e-6, 1.2e-5]),
        (0.01, [1.2e-4, 1.3e-3, 3.2e-5, 8.5e-5]),
        (1e-3, [1.3e-3, 1.4e-2, 6.3e-4, 1.6e-2]),
        (1e-5, [9.3e-2, 0.31, 5.0e-2, 0.84]),
    ];
    for (part, expected) in measured {
        let free = |t: u64| 1.0 / t as f64;
        let gpa = |_| 1.0 - 0.9967;
        let found = [error(part, 0.5, free), error(part, 0.0, free), error(part, 0.5, gpa), error(part, 0.0, gpa)];
        let near = |(found, expected): (&f64, &f64)| (expected / 3.0..3.0 * expected).contains(found);
        assert!(found.iter().zip(&expected).all(near), "a part of {part}: {found:?}, not {expected:?}");
        let is_accurate = found[0] < 2e-4;
        assert_eq!(ScheduleFree::new().with_beta(part).is_ok(), is_accurate, "beta {part}");
        assert_eq!(Gpa::new().with_coefficients(0.9, part).is_ok(), is_accurate, "mu_y {part}");
    }
}
