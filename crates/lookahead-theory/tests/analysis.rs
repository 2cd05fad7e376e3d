//! Known answers: schedules, regimes, optima that have a formula, the figures' claims, advice, Prop. 1's estimate.

use lookahead::{Alpha, InnerStatePolicy, Schedule, SyncPeriod};
use lookahead_theory::figures::{ConvergenceRates, NoisyProgress};
use lookahead_theory::{
    AdviceGrid, BlockMatrices, ConditionNumber, Cycle, Dynamics, Eigenvalues, Moments, Momentum, Noise, NoisyQuadratic,
    Recursion, Regime, Spectrum, advise, convergence_rate, critical_condition_number, estimated_alpha, optimal_alpha,
    optimal_alpha_after, optimal_rate,
};
use serde::Deserialize;

fn near(a: f64, b: f64, tolerance: f64) -> bool {
    (a - b).abs() <= tolerance * a.abs().max(b.abs())
}

fn harmonic(dim: usize) -> NoisyQuadratic {
    NoisyQuadratic::new(Spectrum::Harmonic { dim }.eigenvalues().unwrap(), &Noise::default()).unwrap()
}

#[test]
fn a_schedule_is_one_constant_rate_after_another() {
    let problem = harmonic(4);
    let (cycle, start) = (Cycle::new(5, 0.3).unwrap(), Moments::at(2.0));
    let schedule = Schedule::steps(0.8, [(20, 0.1)]).unwrap();
    let mut recursion = Recursion::new(&problem, schedule, Momentum::NONE, cycle, start).unwrap();
    recursion.run(35);

    let at = |lr| Dynamics::new(&problem, lr, Momentum::NONE, cycle).unwrap();
    let first = at(0.8).after(start, 20).unwrap();
    for ((found, halfway), i) in recursion.slow().iter().zip(first).zip(0..) {
        let expected = at(0.1).after(halfway, 15).unwrap()[i];
        assert!(near(found.mean, expected.mean, 1e-12) && near(found.variance, expected.variance, 1e-12));
    }
}

#[test]
fn fast_weights_leave_the_slow_ones_between_syncs() {
    let problem = harmonic(3);
    let momentum = Momentum::new(0.5).unwrap();
    let mut recursion =
        Recursion::new(&problem, 0.5.into(), momentum, Cycle::new(3, 0.5).unwrap(), Moments::at(1.0)).unwrap();
    let start = recursion.slow();
    recursion.run(2);
    assert_eq!(recursion.slow(), start);
    assert!(recursion.fast_loss() != recursion.slow_loss());
    recursion.step();
    assert_eq!(recursion.slow(), recursion.fast());
}

#[test]
fn momentum_has_its_known_optimum() {
    // Gradient descent: lr = 2 / (a_min + a_max), rate 1 - (kappa - 1)/(kappa + 1).
    let two = Eigenvalues::new(vec![0.1, 1.0]).unwrap();
    let descent = optimal_rate(&two, Momentum::NONE, &Cycle::inner_alone());
    assert!(near(descent.lr, 2.0 / 1.1, 1e-9) && near(descent.rate, 2.0 / 11.0, 1e-12), "{descent:?}");

    // Under-damped: a plateau of 1 - sqrt(beta), whose smallest rate is (1 - sqrt(beta))^2 / a_min.
    let momentum = Momentum::new(0.81).unwrap();
    let plateau = optimal_rate(&two, momentum, &Cycle::inner_alone());
    assert!(near(plateau.rate, 0.1, 1e-12) && near(plateau.lr, 0.1, 1e-9), "{plateau:?}");

    // A single eigenvalue and gradient descent: one step reaches the optimum.
    let one = Eigenvalues::new(vec![4.0]).unwrap();
    let exact = optimal_rate(&one, Momentum::NONE, &Cycle::inner_alone());
    assert!(near(exact.lr, 0.25, 1e-7) && near(exact.rate, 1.0, 1e-7), "{exact:?}");
}

#[test]
fn the_best_of_many_peaks_is_found() {
    let momentum = Momentum::new(0.99).unwrap();
    let eigenvalues = Eigenvalues::new(vec![0.2, 0.5, 1.0]).unwrap();
    for k in [150, 301] {
        let cycle = Cycle::new(k, 0.5).unwrap();
        let best = optimal_rate(&eigenvalues, momentum, &cycle);
        let rate = |i: u32| {
            let lr = f64::from(i) / 100_000.0 * momentum.lr_limit(1.0);
            convergence_rate(&eigenvalues, lr, momentum, &cycle).unwrap()
        };
        let rates: Vec<f64> = (1..100_000).map(rate).collect();
        let peaks = rates.windows(3).filter(|three| three[1] > three[0] && three[1] > three[2]).count();
        assert!(peaks > 100, "{peaks}");
        let highest = rates.into_iter().fold(f64::NEG_INFINITY, f64::max);
        assert!(best.rate >= highest && best.rate < 1.01 * highest, "{best:?} {highest}");
    }
}

#[test]
fn the_critical_condition_number_parts_the_regimes() {
    let momentum = Momentum::new(0.81).unwrap();
    assert!(near(critical_condition_number(momentum), 361.0, 1e-12));
    let regime = |kappa| Regime::at_best(ConditionNumber::new(kappa).unwrap(), momentum);
    assert_eq!((regime(360.0), regime(362.0)), (Regime::UnderDamped, Regime::OverDamped));
    assert_eq!(regime(361.0), Regime::Critical);
    let rate = |kappa: f64| {
        let eigenvalues = Eigenvalues::new(vec![1.0 / kappa, 1.0]).unwrap();
        optimal_rate(&eigenvalues, momentum, &Cycle::inner_alone()).rate
    };
    assert!(near(rate(360.0), 0.1, 1e-12) && rate(362.0) < 0.0999);
}

#[test]
fn lookahead_around_momentum_can_diverge_inside_the_range() {
    let problem = harmonic(1);
    let momentum = Momentum::new(0.9).unwrap();
    let dynamics = Dynamics::new(&problem, 3.79, momentum, Cycle::new(4, 0.5).unwrap()).unwrap();
    let error = dynamics.final_loss().unwrap_err().to_string();
    assert!(error.starts_with("there is no fixed point: with learning rate 3.79 a cycle multiplies"), "{error}");
    let growing = dynamics.loss_after(Moments::at(1.0), 200).unwrap();
    assert!(growing > 1e6 && growing > dynamics.loss_after(Moments::at(1.0), 100).unwrap());
}

#[test]
fn more_progress_at_the_same_final_loss() {
    let spectrum = Spectrum::Chebyshev { dim: 50, condition_number: ConditionNumber::THOUSAND };
    let figure = NoisyProgress { spectrum, learning_rates: 40, ..NoisyProgress::fig03() };
    let data = figure.compute().unwrap();
    assert_eq!((data.curves.len(), data.slices.len(), data.claims.len()), (10, 9 * 40, 9));
    assert!(data.better_for_every_alpha());

    let problem = NoisyQuadratic::new(spectrum.eigenvalues().unwrap(), &Noise::InverseCurvature).unwrap();
    for slice in &data.slices {
        let sgd = Dynamics::new(&problem, slice.sgd_lr, Momentum::NONE, Cycle::inner_alone()).unwrap();
        let lookahead =
            Dynamics::new(&problem, slice.lookahead_lr, Momentum::NONE, Cycle::new(5, slice.alpha.get()).unwrap());
        let (sgd, lookahead) = (sgd, lookahead.unwrap());
        let above_least = |dynamics: &Dynamics<'_>| dynamics.progress(Moments::at(1.0), 1000).unwrap().above_least;
        assert!(near(above_least(&sgd), above_least(&lookahead), 1e-12), "{slice:?}");
        assert!(near(sgd.final_loss().unwrap(), slice.final_loss, 1e-12), "{slice:?}");
        let loss = lookahead.loss_after(Moments::at(1.0), 1000).unwrap();
        assert!((loss - slice.final_loss - slice.lookahead_excess).abs() < 1e-9 * loss, "{slice:?}");
    }

    let early = NoisyProgress { spectrum, learning_rates: 40, ..NoisyProgress::fig11b() }.compute().unwrap();
    assert!(early.worse_for_smallest_alpha() && early.better_for_some_alpha() && !early.better_for_every_alpha());
    assert_eq!(NoisyProgress::fig11a().alphas, [Alpha::new(0.4).unwrap()]);
}

#[test]
fn figures_are_configured_in_words() {
    let figure: NoisyProgress =
        toml::from_str("alphas = [0.4]\nspectrum = { kind = \"harmonic\", dim = 10 }\nnoise = \"curvature\"").unwrap();
    let expected =
        NoisyProgress { spectrum: Spectrum::Harmonic { dim: 10 }, noise: Noise::Curvature, ..NoisyProgress::fig11a() };
    assert_eq!(figure, expected);
    let rates: ConvergenceRates = toml::from_str("momentum = 0.9\ncondition_numbers = [10.0]").unwrap();
    assert_eq!((rates.momentum, rates.dim), (Momentum::new(0.9).unwrap(), 64));
    for bad in ["momentum = 1.0", "condition_numbers = [0.5]", "kappa = 3"] {
        assert!(toml::from_str::<ConvergenceRates>(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_figure_without_noise_or_start_has_no_nan() {
    let spectrum = Spectrum::Harmonic { dim: 3 };
    for (noise, initial_mean) in [(Noise::Constant(0.0), 1.0), (Noise::Constant(0.0), 0.0), (Noise::Curvature, 0.0)] {
        let figure =
            NoisyProgress { spectrum, noise, initial_mean, learning_rates: 3, steps: 5, ..NoisyProgress::fig03() };
        for slice in figure.compute().unwrap().slices {
            assert!(slice.sgd_lr > 0.0 && slice.sgd_lr <= slice.lookahead_lr, "{slice:?}");
            assert!(slice.lookahead_excess.is_finite() && slice.sgd_excess.is_finite(), "{slice:?}");
        }
    }
}

#[test]
fn equal_optimizers_are_ties_and_a_start_inside_the_final_loss_is_judged_by_its_distance() {
    let figure = NoisyProgress {
        spectrum: Spectrum::Harmonic { dim: 5 },
        alphas: vec![Alpha::ONE],
        learning_rates: 50,
        steps: 20,
        ..NoisyProgress::fig03()
    };
    // With alpha = 1 Lookahead is SGD.
    let same = figure.compute().unwrap();
    assert_eq!((same.claims[0].count, same.claims[0].behind, same.claims[0].of), (0, 0, 50));
    assert!(!same.worse_for_smallest_alpha() && !same.better_for_some_alpha());
    // From the optimum the loss rises to the final one; Lookahead, with the larger learning rate, gets there first.
    let inside =
        NoisyProgress { alphas: Alpha::new(0.5).into_iter().collect(), initial_mean: 0.0, steps: 100, ..figure };
    let inside = inside.compute().unwrap();
    assert!(inside.slices.iter().all(|slice| slice.lookahead_excess < 0.0 && slice.sgd_excess < 0.0));
    let nearer = inside.slices.iter().filter(|slice| slice.lookahead_excess > slice.sgd_excess).count();
    assert_eq!(inside.claims[0].count, nearer);
}

#[test]
fn the_matching_learning_rate_of_a_tiny_alpha_is_exact() {
    let alpha = 1e-12;
    let figure = NoisyProgress {
        spectrum: Spectrum::Harmonic { dim: 3 },
        alphas: Alpha::new(alpha).into_iter().collect(),
        learning_rates: 5,
        steps: 20,
        ..NoisyProgress::fig03()
    };
    let problem = harmonic(3);
    for slice in figure.compute().unwrap().slices {
        let above_least = |lr, cycle| {
            let dynamics = Dynamics::new(&problem, lr, Momentum::NONE, cycle).unwrap();
            dynamics.progress(Moments::at(1.0), 20).unwrap().above_least
        };
        let sgd = above_least(slice.sgd_lr, Cycle::inner_alone());
        assert!(near(sgd, above_least(slice.lookahead_lr, Cycle::new(5, alpha).unwrap()), 1e-12), "{slice:?}");
    }
}

#[test]
fn fixed_points_of_tiny_alphas_are_reached() {
    // V* is alpha times a number that settles: the pull-back leaves little, but often.
    let problem = harmonic(1);
    let variance = |alpha| {
        let cycle = Cycle::new(5, alpha).unwrap();
        Dynamics::new(&problem, 0.5, Momentum::new(0.9).unwrap(), cycle).unwrap().final_variances().unwrap()[0]
    };
    assert!(near(variance(1e-30) / 1e-30, variance(1e-10) / 1e-10, 1e-8));
}

#[test]
fn lookahead_helps_where_momentum_oscillates() {
    let condition_numbers = [10.0, 100.0, 1e6].map(|kappa| ConditionNumber::new(kappa).unwrap()).to_vec();
    let data = ConvergenceRates { dim: 8, condition_numbers, ..ConvergenceRates::default() }.compute().unwrap();
    assert_eq!((data.faster_under_damped.count, data.faster_under_damped.of), (2, 2));
    assert_eq!((data.slower_over_damped.count, data.slower_over_damped.of), (1, 1));
    // "Slightly" worse is about alpha times as fast.
    let ratio = data.slower_over_damped.greatest_ratio.unwrap();
    assert!((0.3..0.55).contains(&ratio), "{ratio}");
    assert_eq!(data.points[2].regime, Regime::OverDamped);
}

#[test]
fn advice_is_what_the_dynamics_say() {
    let problem = harmonic(20);
    let momentum = Momentum::new(0.5).unwrap();
    let periods = [3, 7].map(|k| SyncPeriod::new(k).unwrap()).to_vec();
    let grid = AdviceGrid { sync_periods: periods, steps: 100, ..AdviceGrid::default() };
    let advice = advise(&problem, 0.4, momentum, &grid).unwrap();
    assert_eq!(advice.points.len(), 20);
    for point in &advice.points {
        let cycle = Cycle::new(point.sync_period.get(), point.alpha.get()).unwrap();
        let mut recursion = Recursion::new(&problem, 0.4.into(), momentum, cycle, grid.start).unwrap();
        recursion.run(100);
        assert!(near(point.loss, recursion.slow_loss(), 1e-10));
        assert!(advice.best.loss <= point.loss);
        assert!(advice.best_final.unwrap().final_loss.unwrap() <= point.final_loss.unwrap());
    }
    assert!(advice.least_loss < advice.best.loss);
    assert!(serde_json::to_string(&advice).unwrap().contains("\"sync_period\":3"));
}

#[test]
fn advice_marks_what_diverges() {
    let grid = AdviceGrid { inner_state: InnerStatePolicy::Maintain, ..AdviceGrid::default() };
    let advice = advise(&harmonic(1), 3.79, Momentum::new(0.9).unwrap(), &grid).unwrap();
    let diverging: Vec<_> = advice.points.iter().filter(|point| point.final_loss.is_none()).collect();
    assert!(!diverging.is_empty() && diverging.iter().all(|point| point.rate <= 0.0));
}

#[derive(Debug, Deserialize)]
struct AlphaCase {
    curvature: Vec<f64>,
    optimum: Vec<f64>,
    start: Vec<f64>,
    end: Vec<f64>,
    alpha: f64,
}

#[test]
fn golden_alphas_and_their_estimates() {
    #[derive(Deserialize)]
    struct File {
        case: Vec<AlphaCase>,
    }
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/theory/alphas.toml");
    let File { case: cases } = toml::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    assert!(cases.len() > 2);
    for case in cases {
        let eigenvalues = Eigenvalues::new(case.curvature.clone()).unwrap();
        let found = optimal_alpha(&eigenvalues, &case.optimum, &case.start, &case.end).unwrap();
        assert!(near(found, case.alpha, 1e-12), "{found} {case:?}");

        // On a true quadratic the estimate from the gradient at theta_k is the optimum, clipped.
        let directions = case.curvature.iter().zip(case.end.iter().zip(&case.optimum));
        let gradient: Vec<f64> = directions.map(|(a, (end, optimum))| a * (end - optimum)).collect();
        let low = Alpha::new(0.01).unwrap();
        let estimate = estimated_alpha(&case.curvature, &case.start, &case.end, &gradient, low).unwrap();
        assert!(near(estimate.alpha.get(), case.alpha.clamp(0.01, 1.0), 1e-12), "{estimate:?} {case:?}");
        assert_eq!(estimate.clipped, !(0.01..=1.0).contains(&case.alpha));
    }
}

#[test]
fn prop_1_after_steps_of_the_optimizer() {
    let eigenvalues = Eigenvalues::new(vec![0.1, 0.7, 1.0]).unwrap();
    let (lr, beta, k) = (0.9, 0.6, 4);
    let theta_k = eigenvalues.as_slice().iter().map(|a| {
        let (mut theta, mut velocity) = (1.0, 0.0);
        for _ in 0..k {
            velocity = beta * velocity + a * theta;
            theta -= lr * velocity;
        }
        theta
    });
    let expected = optimal_alpha(&eigenvalues, &[0.0; 3], &[1.0; 3], &theta_k.collect::<Vec<f64>>()).unwrap();
    let momentum = Momentum::new(beta).unwrap();
    let found = optimal_alpha_after(&eigenvalues, lr, momentum, SyncPeriod::new(k).unwrap()).unwrap();
    assert!(near(found, expected, 1e-12), "{found} {expected}");
    // Nothing moved: every alpha is as good, and it is 1.
    assert_eq!(optimal_alpha(&eigenvalues, &[0.0; 3], &[1.0; 3], &[1.0; 3]).unwrap(), 1.0);
}

/// The spectral radius of the printed cycle against the eigenvalues that a linear-algebra library finds.
#[test]
fn the_printed_cycle_has_the_spectral_radius_of_its_eigenvalues() {
    for (k, beta, part) in [(2, 0.0, 0.5), (5, 0.9, 0.1), (5, 0.9, 0.9), (8, 0.5, 0.7), (20, 0.99, 0.4)] {
        let (eigenvalues, momentum) = (Eigenvalues::new(vec![0.1, 0.5, 1.0]).unwrap(), Momentum::new(beta).unwrap());
        let lr = part * momentum.lr_limit(1.0);
        let printed = BlockMatrices::new(&eigenvalues, lr, momentum, k, Alpha::new(0.6).unwrap()).unwrap();
        let cycle = printed.cycle();
        let dense = nalgebra::DMatrix::from_fn(cycle.size(), cycle.size(), |row, column| cycle.row(row)[column]);
        let expected = dense.complex_eigenvalues().iter().map(|eigenvalue| eigenvalue.norm()).fold(0.0, f64::max);
        let found = printed.spectral_radius();
        assert!((found - expected).abs() < 1e-9 * expected, "k = {k}, beta = {beta}: {found}, not {expected}");
    }
}
