//! AdaFactor's step of one tensor against its formulas written out in f64, and on any number of threads.

use lookahead::Float;
use lookahead::kernels::adafactor::{Coefficients, moment_lengths, step};

use crate::numbers::{bits, ordinary_values};

/// Vectors and matrices about the borders of lanes, strips and blocks; the last ones take several strips and blocks.
const SHAPES: [&[usize]; 15] = [
    &[],
    &[0],
    &[1],
    &[17],
    &[70_001],
    &[1, 1],
    &[2, 3],
    &[16, 17],
    &[0, 5],
    &[5, 0],
    &[4, 3, 3, 3],
    &[9001, 3, 3],
    &[3, 300, 250],
    &[1000, 130],
    &[2, 100_001],
];

/// The numbers of a step at which nothing is 0 or 1, the update being clipped.
const COEFFICIENTS: Coefficients =
    Coefficients { rest: 0.3, weight: 0.8, rho: 0.05, smallest_scale: 1e-3, clipping: 1.01, keep: 0.99 };

/// Shazeer and Stern's formulas, one after the other. Gives the weights.
fn reference<T: Float>(shape: &[usize], theta: &[f64], g: &[f64], [rows, columns]: [&mut Vec<f64>; 2]) -> Vec<f64> {
    let c = COEFFICIENTS;
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len().max(1) as f64;
    let root_mean_square = |values: &[f64]| mean(&values.iter().map(|x| x * x).collect::<Vec<_>>()).sqrt();
    let epsilon = T::EPSILON.to_f64();
    let squares: Vec<f64> = g.iter().map(|g| g * g).collect();
    let v: Vec<f64> = if let [.., height, width] = *shape {
        let row = |i: usize| mean(&squares[i * width..][..width]);
        let column = |j: usize| {
            let first = j / width * height * width + j % width;
            mean(&(0..height).map(|i| squares[first + i * width]).collect::<Vec<_>>())
        };
        rows.iter_mut().enumerate().for_each(|(i, r)| *r += c.rest * (row(i) - *r));
        columns.iter_mut().enumerate().for_each(|(j, s)| *s += c.rest * (column(j) - *s));
        let all = |i: usize| (mean(&rows[i / height * height..][..height]) / c.weight).max(epsilon);
        let v = |i: usize| rows[i / width] * columns[i / width / height * width + i % width] / c.weight.powi(2);
        (0..g.len()).map(|i| v(i) / all(i / width)).collect()
    } else {
        rows.iter_mut().zip(&squares).for_each(|(v, square)| *v += c.rest * (square - *v));
        rows.iter().map(|v| v / c.weight).collect()
    };
    let update: Vec<f64> = g.iter().zip(&v).map(|(g, v)| g / v.max(epsilon * epsilon).sqrt()).collect();
    let clip = (root_mean_square(&update) / c.clipping).max(1.0);
    let step_size = c.rho * root_mean_square(theta).max(c.smallest_scale) / clip;
    theta.iter().zip(&update).map(|(theta, u)| theta * c.keep - step_size * u).collect()
}

/// Three steps of a tensor: its weights and its second moment.
fn run<T: Float>(shape: &[usize]) -> [Vec<T>; 3] {
    let length = shape.iter().product();
    let mut weights = ordinary_values::<T>(length, 5);
    let [mut rows, mut columns] = moment_lengths(shape).map(|length| vec![T::ZERO; length]);
    for seed in 0..3 {
        step(&COEFFICIENTS, shape, &mut weights, &ordinary_values::<T>(length, 100 + seed), [&mut rows, &mut columns]);
    }
    [weights, rows, columns]
}

/// Each step rounds a few times, and sums in `T` over up to 16 strips of rows.
fn assert_follows_the_formulas<T: Float>(tolerance: f64) {
    for shape in SHAPES {
        let length = shape.iter().product();
        let numbers = |seed| ordinary_values::<T>(length, seed).into_iter().map(T::to_f64).collect::<Vec<f64>>();
        let mut weights = numbers(5);
        let [mut rows, mut columns] = moment_lengths(shape).map(|length| vec![0.0; length]);
        for seed in 0..3 {
            weights = reference::<T>(shape, &weights, &numbers(100 + seed), [&mut rows, &mut columns]);
        }
        for (found, expected) in run::<T>(shape).iter().zip([&weights, &rows, &columns]) {
            assert_eq!(found.len(), expected.len());
            for (i, (found, &expected)) in found.iter().zip(expected).enumerate() {
                let (found, near) = (found.to_f64(), tolerance * (1e-3 + expected.abs()));
                assert!((found - expected).abs() <= near, "{shape:?}, element {i}: {found:e}, expected {expected:e}");
            }
        }
    }
}

#[test]
fn a_step_follows_the_formulas() {
    assert_follows_the_formulas::<f64>(1e-11);
    assert_follows_the_formulas::<f32>(1e-4);
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    for shape in SHAPES {
        let with_threads = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
            pool.install(|| run::<f32>(shape)).map(|values| bits(&values))
        };
        let alone = with_threads(1);
        assert!([2, 3, 5].into_iter().all(|threads| with_threads(threads) == alone), "{shape:?}");
    }
}

/// Where squares underflow, the update is g over epsilon_1, clipped: it stays finite, and nothing rests.
#[test]
fn what_underflows_is_held_up_by_epsilon() {
    for shape in [&[4][..], &[2, 2]] {
        let mut weights = [1.0_f32; 4];
        let [mut rows, mut columns] = moment_lengths(shape).map(|length| vec![0.0; length]);
        step(&COEFFICIENTS, shape, &mut weights, &[1e-30, 0.0, -1e-30, 0.0], [&mut rows, &mut columns]);
        assert!(weights.iter().all(|w| (w - 0.99).abs() < 1e-6), "{shape:?}: {weights:?}");
        step(&COEFFICIENTS, shape, &mut weights, &[0.0; 4], [&mut rows, &mut columns]);
        assert!(weights.iter().all(|w| (w - 0.9801).abs() < 1e-6), "{shape:?}: {weights:?}");
    }
}
