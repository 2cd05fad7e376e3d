//! Whatever is asked, extremes included: no panic, an end in bounded time, and numbers that are finite, or an error.

mod ranges;

use lookahead::{Alpha, InnerStatePolicy, Schedule, SyncPeriod};
use lookahead_theory::figures::{ConvergenceRates, NoisyProgress, SpectrumShape};
use lookahead_theory::{
    AdviceGrid, BlockMatrices, ConditionNumber, Cycle, CycleSystem, Dynamics, Eigenvalues, Error, Moments, Momentum,
    Noise, NoisyQuadratic, Regime, Sample, Spectrum, advise, check_search, convergence_rate, critical_condition_number,
    estimated_alpha, expected_losses, fixed_point, optimal_alpha, optimal_alpha_after, optimal_rate, optimal_rates,
    rates_at, sample_moments,
};
use proptest::prelude::*;

use ranges::{config, momenta, numbers, parts};

fn cycles() -> impl Strategy<Value = Cycle> {
    let policies = [InnerStatePolicy::Maintain, InnerStatePolicy::Interpolate, InnerStatePolicy::Reset];
    let periods = prop_oneof![1..30_u32, Just(u32::MAX), any::<u32>()];
    (periods, parts(), prop::sample::select(policies.to_vec())).prop_map(|(k, alpha, inner_state)| Cycle {
        sync_period: SyncPeriod::new(k.max(1)).unwrap(),
        alpha: Alpha::new(alpha).unwrap_or_default(),
        inner_state,
    })
}

/// Eigenvalues that are accepted, up to both ends.
fn spectra() -> impl Strategy<Value = Eigenvalues> {
    let exponents = prop_oneof![-100..=100_i32, -3..=3_i32];
    let values = prop::collection::vec(exponents.prop_map(|exponent| 10_f64.powi(exponent)), 1..4);
    values.prop_map(|values| Eigenvalues::new(values.into_iter().map(|a| a.clamp(1e-100, 1e100)).collect()).unwrap())
}

fn problems() -> impl Strategy<Value = NoisyQuadratic> {
    let constant = prop_oneof![Just(0.0), Just(1e-100), Just(1e100), 0.0..10.0_f64].prop_map(Noise::Constant);
    let noise = prop_oneof![Just(Noise::InverseCurvature), Just(Noise::Curvature), constant];
    (spectra(), noise).prop_map(|(eigenvalues, noise)| NoisyQuadratic::new(eigenvalues, &noise).unwrap())
}

fn starts() -> impl Strategy<Value = Moments> {
    (numbers(), prop_oneof![Just(0.0), numbers()]).prop_map(|(mean, variance)| Moments { mean, variance })
}

/// Every number is finite, or there is an error that can be read.
#[track_caller]
fn finite_or_refused<const N: usize>(result: Result<[f64; N], Error>) {
    match result {
        Ok(numbers) => assert!(numbers.iter().all(|number| number.is_finite()), "{numbers:?}"),
        Err(error) => assert!((10..400).contains(&error.to_string().len()), "{error}"),
    }
}

proptest! {
    #![proptest_config(config(2000))]

    #[test]
    fn single_numbers(a in numbers(), b in numbers(), lr in numbers(), cycle in cycles(), momentum in momenta()) {
        finite_or_refused(Momentum::new(a).map(|momentum| [momentum.get(), critical_condition_number(momentum)]));
        finite_or_refused(ConditionNumber::new(a).map(|number| [number.get()]));
        finite_or_refused(fixed_point(a, b, lr, &cycle).map(|found| [found.sgd, found.lookahead, found.ratio]));
        finite_or_refused(momentum.check_lr(lr, a).map(|lr| [lr]));
        finite_or_refused(Regime::of(lr, a, momentum).map(|_| []));
        let system = CycleSystem::new(lr, a, momentum, &cycle);
        finite_or_refused(system.map(|system| {
            let [[m11, m12], [m21, m22]] = system.matrix();
            [system.spectral_radius(), m11, m12, m21, m22]
        }));
    }

    #[test]
    fn learning_rates_that_converge(
        eigenvalues in spectra(), part in parts(), cycle in cycles(), momentum in momenta(),
    ) {
        let lr = part * momentum.lr_limit(eigenvalues.largest());
        finite_or_refused(convergence_rate(&eigenvalues, lr, momentum, &cycle).map(|rate| [rate]));
        finite_or_refused(rates_at(&eigenvalues, lr, momentum, &cycle).map(|of| [of.momentum.rate, of.lookahead.rate]));
        finite_or_refused(optimal_alpha_after(&eigenvalues, lr, momentum, cycle.sync_period).map(|alpha| [alpha]));
    }

    #[test]
    fn dynamics(
        problem in problems(), part in parts(), cycle in cycles(), momentum in momenta(), start in starts(),
        syncs in prop_oneof![0..100_u64, Just(u64::MAX), any::<u64>()],
    ) {
        let lr = part * momentum.lr_limit(problem.eigenvalues().largest());
        let steps = (syncs / cycle.steps()) * cycle.steps();
        let found = expected_losses(&problem, lr, momentum, &cycle, start, steps);
        finite_or_refused(found.map(|of| [of.sgd, of.lookahead, of.sgd_final, of.lookahead_final]));
        let Ok(dynamics) = Dynamics::new(&problem, lr, momentum, cycle) else { return Ok(()) };
        finite_or_refused(dynamics.loss_after(start, steps).map(|loss| [loss]));
        finite_or_refused(dynamics.final_loss().map(|loss| [loss]));
        finite_or_refused(dynamics.progress(start, steps).map(|of| [of.final_loss, of.above_least, of.excess]));
        for variance in dynamics.final_variances().unwrap_or_default() {
            prop_assert!(variance.is_finite() && variance >= 0.0, "{variance}");
        }
        for moments in dynamics.after(start, steps).unwrap_or_default() {
            prop_assert!(moments.mean.is_finite() && moments.variance.is_finite(), "{moments:?}");
        }
        finite_or_refused(problem.expected_loss(&vec![start; problem.directions().len()]).map(|loss| [loss]));
    }

    #[test]
    fn lists(curvature in prop::collection::vec(numbers(), 0..4), a in numbers(), b in numbers(), c in numbers()) {
        let many = |value| vec![value; curvature.len()];
        let estimate = estimated_alpha(&curvature, &many(a), &many(b), &many(c), Alpha::default());
        finite_or_refused(estimate.map(|chosen| [chosen.alpha.get()]));
        let noise = NoisyQuadratic::new(Eigenvalues::new(vec![1.0, 2.0]).unwrap(), &Noise::Listed(curvature.clone()));
        finite_or_refused(noise.map(|problem| [problem.least_loss()]));
        let Ok(eigenvalues) = Eigenvalues::new(curvature.clone()) else { return Ok(()) };
        finite_or_refused(optimal_alpha(&eigenvalues, &many(a), &many(b), &many(c)).map(|alpha| [alpha]));
        let moments = vec![Moments { mean: a, variance: b }; curvature.len()];
        let problem = NoisyQuadratic::new(eigenvalues, &Noise::Curvature);
        finite_or_refused(problem.and_then(|problem| Ok([problem.expected_loss(&moments)?, problem.least_loss()])));
    }

    #[test]
    fn spectra_by_rule(dim in prop_oneof![0..40_usize, 999_999..1_000_002_usize, any::<usize>()], kappa in numbers()) {
        let condition_number = ConditionNumber::new(kappa).unwrap_or(ConditionNumber::THOUSAND);
        for spectrum in [
            Spectrum::Harmonic { dim },
            Spectrum::Log { dim, condition_number },
            Spectrum::Uniform { dim, condition_number },
            Spectrum::Chebyshev { dim, condition_number },
        ] {
            // Large ones are accepted too, but take their time in a test.
            if !(40..=1_000_000).contains(&dim) {
                finite_or_refused(spectrum.eigenvalues().map(|of| [of.largest(), of.smallest(), of.condition_number()]));
            }
        }
    }
}

proptest! {
    #![proptest_config(config(12))]

    #[test]
    fn searches_end(eigenvalues in spectra(), cycle in cycles(), momentum in momenta()) {
        check_search(&eigenvalues, momentum, &cycle).unwrap();
        let rates = optimal_rates(&eigenvalues, momentum, &cycle);
        for found in [rates.momentum, rates.lookahead, optimal_rate(&eigenvalues, momentum, &Cycle::inner_alone())] {
            prop_assert!(found.lr > 0.0 && found.lr.is_finite() && found.rate.is_finite(), "{found:?}");
        }
    }

    #[test]
    fn advice_ends(
        problem in problems(), part in parts(), cycle in cycles(), momentum in momenta(), start in starts(),
        steps in prop_oneof![0..100_u64, Just(u64::MAX)],
    ) {
        let lr = part * momentum.lr_limit(problem.eigenvalues().largest());
        let grid = AdviceGrid {
            sync_periods: vec![cycle.sync_period],
            alphas: vec![cycle.alpha, Alpha::ONE],
            inner_state: cycle.inner_state,
            steps,
            start,
        };
        finite_or_refused(advise(&problem, lr, momentum, &grid).map(|of| {
            [of.best_tuned.lr, of.best_tuned.point.loss, of.inner_tuned.lr, of.inner_tuned.point.loss, of.gain]
        }));
    }
}

proptest! {
    #![proptest_config(config(64))]

    #[test]
    fn figures(
        kappa in numbers(), noise in numbers(), mean in numbers(), cycle in cycles(),
        steps in prop_oneof![0..200_u64, Just(1_000_000_000_000_000_000), any::<u64>()], dim in 0..4_usize,
    ) {
        let condition_number = ConditionNumber::new(kappa).unwrap_or(ConditionNumber::THOUSAND);
        let noise = if noise.to_bits() % 3 == 0 { Noise::Constant(noise) } else { Noise::InverseCurvature };
        let figure = NoisyProgress {
            spectrum: Spectrum::Log { dim, condition_number },
            noise,
            sync_period: cycle.sync_period,
            alphas: vec![cycle.alpha],
            steps: steps / cycle.steps() * cycle.steps(),
            learning_rates: 5,
            initial_mean: mean,
        };
        finite_or_refused(figure.compute().map(|data| {
            for slice in data.slices {
                assert!([slice.sgd_lr, slice.lookahead_excess, slice.sgd_excess].iter().all(|number| number.is_finite()));
            }
            let claim = &data.claims[0];
            [claim.least_ratio, claim.median_ratio, claim.greatest_ratio].map(Option::unwrap)
        }));
    }
}

proptest! {
    #![proptest_config(config(6))]

    #[test]
    fn condition_numbers(kappa in numbers(), cycle in cycles(), momentum in momenta(), dim in 0..3_usize) {
        let condition_number = ConditionNumber::new(kappa).unwrap_or(ConditionNumber::THOUSAND);
        let condition_numbers = vec![condition_number];
        let figure = ConvergenceRates { momentum, cycle, shape: SpectrumShape::Log, dim, condition_numbers };
        finite_or_refused(figure.compute().map(|data| {
            let point = data.points[0];
            [point.momentum.rate, point.lookahead.rate, point.lookahead.lr, data.critical_condition_number]
        }));
    }
}

proptest! {
    #![proptest_config(config(64))]

    #[test]
    fn samples(problem in problems(), part in parts(), cycle in cycles(), momentum in momenta(), mean in numbers()) {
        let lr = Schedule::Constant(part * momentum.lr_limit(problem.eigenvalues().largest()));
        let sample = Sample { runs: 3, steps: 50, seed: 1 };
        let Ok(found) = sample_moments(&problem, &lr, momentum, &cycle, mean, &sample) else { return Ok(()) };
        for moments in found.slow.iter().chain(&found.fast) {
            prop_assert!(moments.mean.is_finite() && moments.variance.is_finite(), "{moments:?}");
        }
    }

    #[test]
    fn printed_matrices(eigenvalues in spectra(), part in parts(), cycle in cycles(), momentum in momenta()) {
        let lr = part * momentum.lr_limit(eigenvalues.largest());
        let k = cycle.sync_period.get() % 40;
        let matrices = BlockMatrices::new(&eigenvalues, lr, momentum, k, cycle.alpha);
        finite_or_refused(matrices.map(|matrices| [matrices.spectral_radius()]));
    }
}
