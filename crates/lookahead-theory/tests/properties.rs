//! What must hold for any curvature, noise, learning rate, momentum, k and alpha.

use lookahead::{Alpha, InnerStatePolicy, SyncPeriod};
use lookahead_theory::{
    BlockMatrices, Cycle, CycleSystem, Dynamics, Eigenvalues, Moments, Momentum, Noise, NoisyQuadratic, Recursion,
    convergence_rate, fixed_point, optimal_alpha, optimal_rate,
};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

/// The same cases in every run.
fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, rng_seed: RngSeed::Fixed(2019), failure_persistence: None, ..ProptestConfig::default() }
}

fn policies() -> impl Strategy<Value = InnerStatePolicy> {
    prop_oneof![Just(InnerStatePolicy::Maintain), Just(InnerStatePolicy::Interpolate), Just(InnerStatePolicy::Reset)]
}

fn cycles(most: u32) -> impl Strategy<Value = Cycle> {
    (1..=most, 0.01..=1.0, policies()).prop_map(|(k, alpha, inner_state)| cycle(k, alpha, inner_state))
}

fn cycle(k: u32, alpha: f64, inner_state: InnerStatePolicy) -> Cycle {
    Cycle { sync_period: SyncPeriod::new(k).unwrap(), alpha: Alpha::new(alpha).unwrap(), inner_state }
}

fn momenta() -> impl Strategy<Value = Momentum> {
    prop_oneof![Just(0.0), 0.0..0.99].prop_map(|beta| Momentum::new(beta).unwrap())
}

/// A small problem with noise, and the learning rates that converge as a part of their limit.
fn problems() -> impl Strategy<Value = NoisyQuadratic> {
    prop::collection::vec((1e-3..1e3_f64, 0.0..10.0_f64), 1..4).prop_map(|directions| {
        let (eigenvalues, variances) = directions.into_iter().unzip();
        NoisyQuadratic::new(Eigenvalues::new(eigenvalues).unwrap(), &Noise::Listed(variances)).unwrap()
    })
}

fn near(a: f64, b: f64, tolerance: f64) -> bool {
    (a - b).abs() <= tolerance * a.abs().max(b.abs())
}

proptest! {
    #![proptest_config(config(512))]

    #[test]
    fn lookahead_lowers_the_variance(
        a in 1e-6..1e6_f64,
        part in 1e-6..0.999_f64,
        k in 1..200_u32,
        alpha in 1e-6..0.999_f64,
    ) {
        let point = fixed_point(a, 1.0, part * 2.0 / a, &Cycle::new(k, alpha).unwrap()).unwrap();
        prop_assert!(0.0 < point.lookahead && point.lookahead < point.sgd, "{point:?}");
    }

    #[test]
    fn alpha_one_is_sgd(problem in problems(), part in 0.01..0.99_f64, k in 1..20_u32, syncs in 0..30_u64) {
        let lr = part * 2.0 / problem.eigenvalues().largest();
        let of = |cycle| {
            let dynamics = Dynamics::new(&problem, lr, Momentum::NONE, cycle).unwrap();
            let steps = syncs * u64::from(k);
            [dynamics.final_loss().unwrap(), dynamics.loss_after(Moments::at(1.0), steps).unwrap()]
        };
        for (lookahead, sgd) in of(Cycle::new(k, 1.0).unwrap()).into_iter().zip(of(Cycle::inner_alone())) {
            prop_assert!(near(lookahead, sgd, 1e-12), "{lookahead} {sgd}");
        }
    }

    #[test]
    fn k_one_is_sgd_at_alpha_times_the_rate(problem in problems(), part in 0.01..0.99_f64, alpha in 0.01..1.0_f64) {
        let lr = part * 2.0 / problem.eigenvalues().largest();
        let of = |lr, cycle| Dynamics::new(&problem, lr, Momentum::NONE, cycle).unwrap();
        let (lookahead, sgd) = (of(lr, Cycle::new(1, alpha).unwrap()), of(alpha * lr, Cycle::inner_alone()));
        prop_assert!(near(lookahead.final_loss().unwrap(), sgd.final_loss().unwrap(), 1e-10));
        let after = |dynamics: Dynamics<'_>| dynamics.loss_after(Moments::at(-1.5), 40).unwrap();
        prop_assert!(near(after(lookahead), after(sgd), 1e-10));
    }

    #[test]
    fn the_fixed_point_solves_eq_7(a in 1e-3..1e3_f64, part in 0.01..0.99_f64, k in 1..50_u32, alpha in 0.01..1.0_f64) {
        // As the paper writes it, but for Sigma.
        let (lr, variance) = (part * 2.0 / a, 0.3);
        let (q, k_power) = (1.0 - lr * a, i32::try_from(k).unwrap());
        let numerator = alpha * alpha * (1.0 - q.powi(2 * k_power));
        let ratio = numerator / (numerator + 2.0 * alpha * (1.0 - alpha) * (1.0 - q.powi(k_power)));
        let sgd = (lr * a).powi(2) * variance / (1.0 - q * q);
        let found = fixed_point(a, variance, lr, &Cycle::new(k, alpha).unwrap()).unwrap();
        prop_assert!(near(found.sgd, sgd, 1e-9) && near(found.lookahead, ratio * sgd, 1e-9));
    }
}

proptest! {
    #![proptest_config(config(192))]

    #[test]
    fn closed_forms_follow_the_recursion(
        problem in problems(), momentum in momenta(), cycle in cycles(12), part in 0.01..0.95_f64, syncs in 0..20_u64,
        mean in -3.0..3.0_f64, variance in 0.0..4.0_f64,
    ) {
        let lr = part * momentum.lr_limit(problem.eigenvalues().largest());
        let (start, steps) = (Moments { mean, variance }, syncs * cycle.steps());
        let mut recursion = Recursion::new(&problem, lr.into(), momentum, cycle, start).unwrap();
        recursion.run(steps);
        let dynamics = Dynamics::new(&problem, lr, momentum, cycle).unwrap();
        prop_assert!(near(dynamics.loss_after(start, steps).unwrap(), recursion.slow_loss(), 1e-10));
        for (found, expected) in dynamics.after(start, steps).unwrap().iter().zip(recursion.slow()) {
            let scale = expected.mean.abs() + expected.variance.sqrt();
            prop_assert!((found.mean - expected.mean).abs() <= 1e-10 * scale, "{found:?} {expected:?}");
            prop_assert!(near(found.variance, expected.variance, 1e-10), "{found:?} {expected:?}");
        }
        if let Ok(progress) = dynamics.progress(start, steps) {
            prop_assert!(near(progress.final_loss, dynamics.final_loss().unwrap(), 1e-12));
            prop_assert!(near(progress.final_loss + progress.excess, recursion.slow_loss(), 1e-9));
        }
    }

    #[test]
    fn a_fixed_point_stays_where_it_is(
        problem in problems(),
        momentum in momenta(),
        cycle in cycles(12),
        part in 0.01..0.95_f64,
    ) {
        let lr = part * momentum.lr_limit(problem.eigenvalues().largest());
        let dynamics = Dynamics::new(&problem, lr, momentum, cycle).unwrap();
        if let Ok(rest) = dynamics.final_variances() {
            // Longer than any slow direction needs, in closed form.
            let later = dynamics.after(Moments::at(1.0), 10_000_000 * cycle.steps()).unwrap();
            for (rest, later) in rest.iter().zip(later) {
                prop_assert!(near(*rest, later.variance, 1e-9), "{rest} {later:?}");
            }
        }
    }

    #[test]
    fn the_printed_matrices_are_the_small_system(
        momentum in momenta(),
        k in 2..12_u32,
        alpha in 0.05..=1.0_f64,
        part in 0.01..0.95_f64,
    ) {
        let eigenvalues = Eigenvalues::new(vec![0.2, 1.0]).unwrap();
        let lr = part * momentum.lr_limit(1.0);
        let printed = BlockMatrices::new(&eigenvalues, lr, momentum, k, Alpha::new(alpha).unwrap()).unwrap();
        let maintain = cycle(k, alpha, InnerStatePolicy::Maintain);
        let small = eigenvalues.as_slice().iter().map(|&a| {
            CycleSystem::new(lr, a, momentum, &maintain).unwrap().spectral_radius()
        });
        let (printed, small) = (printed.spectral_radius(), small.fold(0.0, f64::max));
        prop_assert!((printed - small).abs() <= 1e-7 * small.max(1e-3), "{printed} {small}");
        let rate = convergence_rate(&eigenvalues, lr, momentum, &maintain).unwrap();
        prop_assert!(near(1.0 - rate, small.powf(1.0 / f64::from(k)), 1e-12));
    }

    #[test]
    fn the_small_system_is_k_steps_and_a_sync(momentum in momenta(), cycle in cycles(30), part in 0.001..0.99_f64) {
        let (beta, alpha, x) = (momentum.get(), cycle.alpha.get(), part * momentum.lr_limit(1.0));
        let matrix = CycleSystem::new(x, 1.0, momentum, &cycle).unwrap().matrix();
        for (column, start) in [[1.0, 0.0], [0.0, 1.0]].into_iter().enumerate() {
            let [mut theta, mut velocity] = start;
            for _ in 0..cycle.steps() {
                velocity = beta * velocity + x * theta;
                theta -= velocity;
            }
            let expected_velocity = match cycle.inner_state {
                InnerStatePolicy::Maintain => velocity,
                InnerStatePolicy::Interpolate => start[1] + alpha * (velocity - start[1]),
                InnerStatePolicy::Reset => 0.0,
            };
            prop_assert!((matrix[0][column] - (start[0] + alpha * (theta - start[0]))).abs() < 1e-9);
            prop_assert!((matrix[1][column] - expected_velocity).abs() < 1e-9);
        }
    }

    #[test]
    fn interpolate_with_alpha_one_is_maintain(momentum in momenta(), k in 1..40_u32, part in 0.01..0.99_f64) {
        let lr = part * momentum.lr_limit(2.0);
        let of = |policy| CycleSystem::new(lr, 2.0, momentum, &cycle(k, 1.0, policy)).unwrap();
        let (maintain, interpolate) = (of(InnerStatePolicy::Maintain), of(InnerStatePolicy::Interpolate));
        prop_assert_eq!(maintain.matrix(), interpolate.matrix());
        prop_assert_eq!(maintain.spectral_radius(), interpolate.spectral_radius());
    }

    #[test]
    fn no_other_alpha_is_better(
        directions in prop::collection::vec((1e-2..1e2_f64, -2.0..2.0_f64, -2.0..2.0_f64, -2.0..2.0_f64), 1..6),
    ) {
        let curvature: Vec<f64> = directions.iter().map(|d| d.0).collect();
        let loss = |alpha: f64| -> f64 {
            let at = |from: f64, to: f64| from + alpha * (to - from);
            directions.iter().map(|(a, optimum, from, to)| a * (at(*from, *to) - optimum).powi(2)).sum()
        };
        let column = |pick: fn(&(f64, f64, f64, f64)) -> f64| directions.iter().map(pick).collect::<Vec<f64>>();
        let eigenvalues = Eigenvalues::new(curvature).unwrap();
        let best = optimal_alpha(&eigenvalues, &column(|d| d.1), &column(|d| d.2), &column(|d| d.3)).unwrap();
        for i in -400..=400 {
            let other = best + f64::from(i) / 100.0;
            prop_assert!(loss(best) <= loss(other) * (1.0 + 1e-12), "{best} {other}");
        }
    }
}

proptest! {
    #![proptest_config(config(12))]

    #[test]
    fn no_learning_rate_tried_is_better(
        momentum in momenta(),
        cycle in cycles(20),
        kappa in 1.0..1000.0_f64,
        parts in prop::collection::vec(1e-4..0.9999_f64, 200),
    ) {
        let eigenvalues = Eigenvalues::new(vec![1.0 / kappa, 0.5 + 0.5 / kappa, 1.0]).unwrap();
        let best = optimal_rate(&eigenvalues, momentum, &cycle);
        prop_assert_eq!(best.rate, convergence_rate(&eigenvalues, best.lr, momentum, &cycle).unwrap());
        for part in parts {
            let rate = convergence_rate(&eigenvalues, part * momentum.lr_limit(1.0), momentum, &cycle).unwrap();
            prop_assert!(rate <= best.rate + 2e-9 * best.rate.abs(), "{rate} at {part}, but {best:?}");
        }
    }
}
