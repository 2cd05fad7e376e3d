//! What must hold of cycles with an outer step, for any setting: against stepping, eigenvalues and the paper's
//! Lookahead.

use lookahead::{Alpha, InnerStatePolicy, OuterForm, SyncPeriod};
use lookahead_theory::{
    Cycle, CycleSystem, Dynamics, Eigenvalues, Error, Moments, Momentum, Noise, NoisyQuadratic, OuterCycle,
    OuterDynamics, OuterSystem, convergence_rate, largest_stable_rate, optimal_outer_rate, optimal_rate,
    outer_convergence_rate,
};
use nalgebra::Matrix3;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

/// The same cases in every run.
fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, rng_seed: RngSeed::Fixed(2019), failure_persistence: None, ..ProptestConfig::default() }
}

const POLICIES: [InnerStatePolicy; 3] =
    [InnerStatePolicy::Maintain, InnerStatePolicy::Interpolate, InnerStatePolicy::Reset];
const FORMS: [OuterForm; 2] = [OuterForm::Nesterov, OuterForm::HeavyBall];

fn momenta() -> impl Strategy<Value = Momentum> {
    prop_oneof![Just(0.0), 0.0..0.99].prop_map(|beta| Momentum::new(beta).unwrap())
}

fn outer_cycles() -> impl Strategy<Value = OuterCycle> {
    let momentum = prop_oneof![Just(0.0), 0.0..0.99];
    (1..=12_u32, 0.01..2.0, momentum, prop::sample::select(&FORMS[..]), prop::sample::select(&POLICIES[..])).prop_map(
        |(k, eta, mu, form, inner_state)| OuterCycle { form, inner_state, ..OuterCycle::new(k, eta, mu).unwrap() },
    )
}

fn problem(directions: &[(f64, f64)]) -> NoisyQuadratic {
    let (eigenvalues, variances) = directions.iter().copied().unzip();
    NoisyQuadratic::new(Eigenvalues::new(eigenvalues).unwrap(), &Noise::Listed(variances)).unwrap()
}

fn directions() -> impl Strategy<Value = Vec<(f64, f64)>> {
    prop::collection::vec((1e-3..1e3_f64, 0.0..10.0_f64), 1..4)
}

fn near(a: f64, b: f64, tolerance: f64) -> bool {
    (a - b).abs() <= tolerance * a.abs().max(b.abs())
}

/// The largest size of an eigenvalue, by another library.
fn eigenvalue_radius(matrix: [[f64; 3]; 3]) -> f64 {
    Matrix3::from_fn(|i, j| matrix[i][j]).complex_eigenvalues().iter().map(|z| z.norm()).fold(0.0, f64::max)
}

/// A cycle on (x, u, b), step by step.
fn stepped(x: f64, momentum: Momentum, cycle: &OuterCycle, [slow, anchored, buffer]: [f64; 3]) -> [f64; 3] {
    let (beta, eta, mu) = (momentum.get(), cycle.rate.get(), cycle.momentum.get());
    let (mut fast, mut velocity) = (slow, anchored);
    for _ in 0..cycle.steps() {
        velocity = beta * velocity + x * fast;
        fast -= velocity;
    }
    let delta = slow - fast;
    let buffer = mu * buffer + delta;
    let way = if cycle.form == OuterForm::Nesterov { delta + mu * buffer } else { buffer };
    let velocity = match cycle.inner_state {
        InnerStatePolicy::Maintain => velocity,
        InnerStatePolicy::Interpolate => anchored + eta.min(1.0) * (velocity - anchored),
        InnerStatePolicy::Reset => 0.0,
    };
    [slow - eta * way, velocity, buffer]
}

proptest! {
    #![proptest_config(config(256))]

    #[test]
    fn the_matrix_is_k_steps_and_an_outer_step(
        momentum in momenta(), cycle in outer_cycles(), part in 0.001..0.99_f64,
    ) {
        let x = part * momentum.lr_limit(1.0);
        let matrix = OuterSystem::new(x, 1.0, momentum, &cycle).unwrap().matrix();
        for (column, mut start) in [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]].into_iter().enumerate() {
            if momentum == Momentum::NONE && column == 1 {
                start = [0.0; 3];
            }
            for (row, expected) in stepped(x, momentum, &cycle, start).into_iter().enumerate() {
                // Without momentum the velocity moves nothing, and is left out.
                let expected = if momentum == Momentum::NONE && row == 1 { 0.0 } else { expected };
                prop_assert!((matrix[row][column] - expected).abs() < 1e-9, "{row} {column}");
            }
        }
    }

    #[test]
    fn without_outer_momentum_it_is_lookahead(
        directions in directions(), momentum in momenta(), k in 1..12_u32, alpha in 0.01..=1.0_f64,
        policy in prop::sample::select(&POLICIES[..]), part in 0.01..0.95_f64, syncs in 0..20_u64,
    ) {
        let problem = problem(&directions);
        let lr = part * momentum.lr_limit(problem.eigenvalues().largest());
        let cycle = Cycle {
            sync_period: SyncPeriod::new(k).unwrap(), alpha: Alpha::new(alpha).unwrap(), inner_state: policy
        };
        let paper = Dynamics::new(&problem, lr, momentum, cycle).unwrap();
        let ours = OuterDynamics::new(&problem, lr, momentum, cycle.into()).unwrap();
        let (start, steps) = (Moments { mean: 1.5, variance: 0.5 }, syncs * cycle.steps());
        for (ours, paper) in ours.after(start, steps).unwrap().iter().zip(paper.after(start, steps).unwrap()) {
            let scale = paper.mean.abs() + paper.variance.sqrt();
            prop_assert!((ours.mean - paper.mean).abs() <= 1e-12 * scale && near(ours.variance, paper.variance, 1e-12));
        }
        match (ours.final_loss(), paper.final_loss()) {
            (Ok(ours), Ok(paper)) => prop_assert!(near(ours, paper, 1e-12), "{ours} {paper}"),
            (Err(Error::Diverges { .. }), Err(Error::Diverges { .. })) => {}
            other => prop_assert!(false, "{other:?}"),
        }
        for &a in problem.eigenvalues().as_slice() {
            // Without momentum Lookahead counts what "interpolate" leaves of a velocity that moves nothing.
            if momentum != Momentum::NONE || policy != InnerStatePolicy::Interpolate {
                let ours = OuterSystem::new(lr, a, momentum, &cycle.into()).unwrap().spectral_radius();
                let paper = CycleSystem::new(lr, a, momentum, &cycle).unwrap().spectral_radius();
                prop_assert!((ours - paper).abs() < 1e-13 * (1.0 + paper), "{ours} {paper}");
            }
        }
    }

    #[test]
    fn the_radius_is_that_of_the_eigenvalues(momentum in momenta(), cycle in outer_cycles(), part in 0.001..0.99_f64) {
        let system = OuterSystem::new(part * momentum.lr_limit(1.0), 1.0, momentum, &cycle).unwrap();
        let expected = eigenvalue_radius(system.matrix());
        // Where eigenvalues meet, a rounding of the matrix moves them by its cube root.
        prop_assert!(near(system.spectral_radius(), expected, 1e-5), "{} {expected}", system.spectral_radius());
    }

    #[test]
    fn a_fixed_point_stays_where_it_is(
        directions in directions(), momentum in momenta(), cycle in outer_cycles(), part in 0.01..0.95_f64,
    ) {
        let problem = problem(&directions);
        let lr = part * momentum.lr_limit(problem.eigenvalues().largest());
        let dynamics = OuterDynamics::new(&problem, lr, momentum, cycle).unwrap();
        if let Ok(rest) = dynamics.final_variances() {
            let later = dynamics.after(Moments::at(1.0), 10_000_000 * cycle.steps()).unwrap();
            for (rest, later) in rest.iter().zip(later) {
                prop_assert!(near(*rest, later.variance, 1e-9), "{rest} {later:?}");
            }
        }
    }

    #[test]
    fn no_smaller_rate_is_unstable_and_the_next_one_is(
        momentum in momenta(), cycle in outer_cycles(), part in 0.001..0.99_f64,
    ) {
        let x = part * momentum.lr_limit(1.0);
        let largest = largest_stable_rate(&Eigenvalues::new(vec![1.0]).unwrap(), x, momentum, &cycle).unwrap();
        let radius = |eta: f64| {
            let cycle = OuterCycle { rate: eta.try_into().unwrap(), ..cycle };
            let system = OuterSystem::new(x, 1.0, momentum, &cycle).unwrap();
            (system.is_stable(), eigenvalue_radius(system.matrix()))
        };
        if largest == 0.0 {
            prop_assert!(!radius(1e-9).0);
            return Ok(());
        }
        for i in 1..=400 {
            let (is_stable, radius) = radius(largest * f64::from(i) / 400.2);
            prop_assert!(is_stable && radius < 1.0 + 1e-9, "{radius} at {i} of {largest}");
        }
        let (is_stable, radius) = radius(largest * (1.0 + 1e-7));
        prop_assert!(!is_stable && radius > 1.0 - 1e-9, "{radius} above {largest}");
    }
}

/// c of one SGD step of learning rate 1 - c, so that the system of one step is that of an inner cycle that shrinks by
/// c.
#[test]
fn an_inner_cycle_that_shrinks_by_c_needs_no_other_condition() {
    for form in FORMS {
        for c in (-99..=99).map(|i| f64::from(i) / 100.0) {
            for mu in [0.0, 0.1, 0.3, 0.5, 0.6, 0.75, 0.9, 0.97, 0.999] {
                let limit = OuterCycle { form, ..OuterCycle::new(1, 1.0, mu).unwrap() }.limit();
                let stable = |eta: f64| {
                    let cycle = OuterCycle { form, ..OuterCycle::new(1, eta, mu).unwrap() };
                    let system = OuterSystem::new(1.0 - c, 1.0, Momentum::NONE, &cycle).unwrap();
                    (system.is_stable(), eigenvalue_radius(system.matrix()))
                };
                let border = limit / (1.0 - c);
                for part in [1e-3, 0.05, 0.3, 0.6, 0.9, 0.99, 1.0 - 1e-6, 1.0 - 1e-9] {
                    let (is_stable, radius) = stable(part * border);
                    assert!(is_stable && radius < 1.0, "{form:?} c {c} mu {mu} part {part}: {radius}");
                }
                for part in [1.0 + 1e-9, 1.0 + 1e-6, 1.01, 1.3, 2.0, 10.0] {
                    let (is_stable, radius) = stable(part * border);
                    assert!(!is_stable && radius > 1.0, "{form:?} c {c} mu {mu} part {part}: {radius}");
                }
            }
        }
    }
}

/// The first value of a log grid of lr a, from 1e-4 on, at which DiLoCo's outer step around beta = 0.9 diverges.
fn first_unstable(k: u32, inner_state: InnerStatePolicy, to: f64) -> Option<f64> {
    let cycle = OuterCycle { inner_state, ..OuterCycle::new(k, 0.7, 0.9).unwrap() };
    let grid = (0..=1000).map(|i| 1e-4 * (to / 1e-4_f64).powf(f64::from(i) / 1000.0));
    let beta = Momentum::new(0.9).unwrap();
    grid.into_iter().find(|&x| !OuterSystem::new(x, 1.0, beta, &cycle).unwrap().is_stable())
}

#[test]
fn diloco_around_momentum_needs_cycles_of_seven_steps() {
    use InnerStatePolicy::{Interpolate, Maintain, Reset};
    let found = |policy| (1..=6).map(|k| first_unstable(k, policy, 1.0).unwrap()).collect::<Vec<_>>();
    let expected = [
        (Maintain, [0.0043, 0.0036, 0.0039, 0.0045, 0.0059, 0.0106]),
        (Interpolate, [0.0038, 0.0029, 0.0028, 0.0030, 0.0035, 0.0046]),
    ];
    for (policy, expected) in expected {
        for (found, expected) in found(policy).into_iter().zip(expected) {
            assert!((found - expected).abs() < 0.02 * expected, "{policy:?} {found} {expected}");
        }
    }
    for k in (1..=25).chain([50, 100, 200]) {
        assert_eq!(first_unstable(k, Reset, 1.0), None, "k {k}");
        if k >= 7 {
            assert_eq!([Maintain, Interpolate].map(|policy| first_unstable(k, policy, 1.5)), [None; 2], "k {k}");
        }
    }
}

#[test]
fn the_shortest_safe_cycle_of_diloco_depends_on_the_curvature() {
    let longest_unstable = |x| {
        let system = |k| OuterSystem::new(x, 1.0, Momentum::new(0.9).unwrap(), &OuterCycle::new(k, 0.7, 0.9).unwrap());
        (1..=300).rev().find(|&k| !system(k).unwrap().is_stable()).unwrap_or(0)
    };
    let found = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 2.0, 3.0].map(longest_unstable);
    assert_eq!(found, [0, 0, 5, 6, 4, 3, 5, 7, 11]);
}

#[test]
fn without_outer_momentum_the_best_rate_is_lookaheads() {
    let eigenvalues = Eigenvalues::new(vec![0.01, 0.3, 1.0]).unwrap();
    for (beta, k, alpha) in [(0.0, 5, 0.5), (0.9, 20, 0.5), (0.99, 5, 0.8)] {
        let (momentum, cycle) = (Momentum::new(beta).unwrap(), Cycle::new(k, alpha).unwrap());
        let (ours, paper) =
            (optimal_outer_rate(&eigenvalues, momentum, &cycle.into()), optimal_rate(&eigenvalues, momentum, &cycle));
        assert!(near(ours.rate, paper.rate, 1e-9), "{ours:?} {paper:?}");
        let at_tiny = |lr| {
            let ours = outer_convergence_rate(&eigenvalues, lr, momentum, &cycle.into()).unwrap();
            (ours, convergence_rate(&eigenvalues, lr, momentum, &cycle).unwrap())
        };
        for lr in [1e-15, 1e-9, 1e-4] {
            let (ours, paper) = at_tiny(lr);
            assert!(near(ours, paper, 1e-10), "{ours} {paper} at {lr}");
        }
    }
}

#[test]
fn no_learning_rate_tried_converges_faster() {
    let eigenvalues = Eigenvalues::new(vec![0.02, 0.2, 1.0]).unwrap();
    for (beta, k, eta, mu) in [(0.0, 5, 0.7, 0.6), (0.9, 8, 0.7, 0.9), (0.5, 3, 1.3, 0.4)] {
        let (momentum, cycle) = (Momentum::new(beta).unwrap(), OuterCycle::new(k, eta, mu).unwrap());
        let best = optimal_outer_rate(&eigenvalues, momentum, &cycle);
        assert_eq!(best.rate, outer_convergence_rate(&eigenvalues, best.lr, momentum, &cycle).unwrap());
        for i in 1..1000 {
            let lr = momentum.lr_limit(1.0) * f64::from(i) / 1000.0;
            let rate = outer_convergence_rate(&eigenvalues, lr, momentum, &cycle).unwrap();
            assert!(rate <= best.rate + 2e-9 * best.rate, "{rate} at {lr}, but {best:?}");
        }
    }
}

#[test]
fn what_grows_is_refused() {
    let problem = problem(&[(0.03, 1.0), (1.0, 0.5)]);
    let beta = Momentum::new(0.9).unwrap();
    let diloco = OuterDynamics::new(&problem, 1.0, beta, OuterCycle::new(5, 0.7, 0.9).unwrap()).unwrap();
    let error = diloco.final_loss().unwrap_err().to_string();
    let expected =
        "there is no fixed point: with learning rate 1 a cycle multiplies the direction of curvature 0.03 by 1.036";
    assert!(error.starts_with(expected), "{error}");
    let error = diloco.loss_after(Moments::at(1.0), 50_000).unwrap_err().to_string();
    let expected = "the expected loss is not finite: with learning rate 1, momentum 0.9, k = 5, eta = 0.7 and mu = 0.9";
    assert!(error.starts_with(expected), "{error}");
    assert!(matches!(diloco.after(Moments::at(1.0), 7), Err(Error::StepsEndInsideCycle { steps: 7, sync_period: 5 })));
    for refused in [OuterCycle::new(0, 0.7, 0.9), OuterCycle::new(5, 0.0, 0.9), OuterCycle::new(5, 0.7, 1.0)] {
        assert!(matches!(refused, Err(Error::Hyperparameter(_))));
    }
    assert!(OuterDynamics::new(&problem, 3.9, beta, OuterCycle::new(5, 0.7, 0.9).unwrap()).is_err());
}
