//! Whatever is asked of outer steps and averages: no panic, an end in bounded time, and numbers that are finite, or an
//! error; and digits near borders.

mod ranges;

use lookahead::{InnerStatePolicy, OuterForm};
use lookahead_theory::{
    Average, AverageDynamics, Cycle, Dynamics, Eigenvalues, Moments, Momentum, Noise, NoisyQuadratic, OuterCycle,
    OuterDynamics, OuterSystem, largest_stable_rate, outer_convergence_rate,
};
use proptest::prelude::*;

use ranges::{config, momenta, numbers, parts};

fn outer_cycles() -> impl Strategy<Value = OuterCycle> {
    let policies = [InnerStatePolicy::Maintain, InnerStatePolicy::Interpolate, InnerStatePolicy::Reset];
    let forms = [OuterForm::Nesterov, OuterForm::HeavyBall];
    let periods = prop_oneof![1..30_u32, Just(u32::MAX), any::<u32>()];
    let rates = prop_oneof![parts(), numbers()];
    (periods, rates, parts(), prop::sample::select(forms.to_vec()), prop::sample::select(policies.to_vec())).prop_map(
        |(k, eta, mu, form, inner_state)| {
            let cycle = OuterCycle::new(k.max(1), eta, mu).or_else(|_| OuterCycle::new(k.max(1), 0.7, 0.9));
            OuterCycle { form, inner_state, ..cycle.unwrap() }
        },
    )
}

fn problem(curvature: f64, noise_variance: f64) -> Option<NoisyQuadratic> {
    NoisyQuadratic::new(Eigenvalues::new(vec![curvature]).ok()?, &Noise::Listed(vec![noise_variance])).ok()
}

proptest! {
    #![proptest_config(config(3000))]

    #[test]
    fn outer_steps_are_finite_or_refused(
        curvature in numbers(), noise in numbers(), part in parts(), momentum in momenta(), cycle in outer_cycles(),
        syncs in prop_oneof![0..20_u64, Just(1 << 20)], mean in numbers(),
    ) {
        let Some(problem) = problem(curvature, noise) else { return Ok(()) };
        let lr = part * momentum.lr_limit(curvature);
        let Ok(dynamics) = OuterDynamics::new(&problem, lr, momentum, cycle) else { return Ok(()) };
        let (start, steps) = (Moments::at(mean), syncs * cycle.steps());
        for moments in dynamics.after(start, steps).unwrap_or_default() {
            let Moments { mean, variance } = moments;
            prop_assert!(mean.is_finite() && variance.is_finite() && variance >= 0.0, "{moments:?}");
        }
        prop_assert!(dynamics.loss_after(start, steps).unwrap_or_default().is_finite());
        if let Ok(loss) = dynamics.final_loss() {
            prop_assert!(loss.is_finite() && loss >= problem.least_loss(), "{loss}");
        }
        for variance in dynamics.final_variances().unwrap_or_default() {
            prop_assert!(variance.is_finite() && variance >= 0.0, "{variance}");
        }
        if let Ok(rate) = outer_convergence_rate(problem.eigenvalues(), lr, momentum, &cycle) {
            prop_assert!(rate.is_finite() && rate <= 1.0, "{rate}");
        }
        let largest = largest_stable_rate(problem.eigenvalues(), lr, momentum, &cycle).unwrap();
        prop_assert!(largest >= 0.0, "{largest}");
    }

    #[test]
    fn averages_are_finite_or_refused(
        curvature in numbers(), noise in numbers(), part in parts(), memory in parts(), interpolation in parts(),
        steps in prop_oneof![0..100_u64, Just(u64::MAX)], mean in numbers(),
    ) {
        let Some(problem) = problem(curvature, noise) else { return Ok(()) };
        let averages = [
            Ok(Average::running()),
            Average::exponential(memory),
            Average::schedule_free(interpolation),
            Average::gpa(memory, interpolation),
        ];
        for average in averages.into_iter().flatten() {
            let lr = part * average.lr_limit(curvature);
            let Ok(dynamics) = AverageDynamics::new(&problem, lr, average) else { continue };
            let [x, y] = [dynamics.after(Moments::at(mean), steps), dynamics.trained_after(Moments::at(mean), steps)];
            for moments in x.into_iter().chain(y).flatten() {
                prop_assert!(moments.mean.is_finite() && moments.variance.is_finite(), "{moments:?}");
            }
            for variance in dynamics.final_variances() {
                prop_assert!(variance.is_finite() && variance >= 0.0, "{variance} {average:?} {lr}");
            }
        }
    }
}

/// With mu = 0 outer steps keep the digits that Lookahead keeps, where the two differ in how they are computed.
#[test]
fn outer_steps_keep_their_digits_too() {
    for curvature in [1e-8, 1.0, 1e8] {
        let problem = NoisyQuadratic::new(Eigenvalues::new(vec![curvature]).unwrap(), &Noise::Constant(0.3)).unwrap();
        for part in [1e-12, 1e-6, 0.3, 0.9, 1.0 - 1e-6, 1.0 - 1e-12] {
            for (k, alpha) in [(1, 1e-12), (1, 1.0), (5, 0.5), (6, 1.0 - 1e-12), (7, 1.0), (1000, 0.2)] {
                let (lr, cycle) = (part * 2.0 / curvature, Cycle::new(k, alpha).unwrap());
                let paper = Dynamics::new(&problem, lr, Momentum::NONE, cycle).unwrap();
                let ours = OuterDynamics::new(&problem, lr, Momentum::NONE, cycle.into()).unwrap();
                let (found, expected) = (ours.final_variances().unwrap()[0], paper.final_variances().unwrap()[0]);
                assert!((found - expected).abs() <= 1e-12 * expected, "{found} {expected}: {part} {cycle:?}");
                let steps = 1000 * cycle.steps();
                let start = Moments { mean: 1.0, variance: 0.1 };
                let (found, expected) = (ours.after(start, steps).unwrap()[0], paper.after(start, steps).unwrap()[0]);
                let rounding = 1e-9 * (expected.mean.powi(2) + expected.variance);
                assert!(
                    (found.variance - expected.variance).abs() <= rounding,
                    "{found:?} {expected:?} {part} {cycle:?}"
                );
            }
        }
    }
}

/// On both sides of a border that is a rounding away.
#[test]
fn the_border_of_an_outer_step_is_sharp() {
    for (k, eta, mu) in [(1, 0.7, 0.9), (3, 1.1, 0.4), (5, 2.0, 0.9)] {
        let cycle = OuterCycle::new(k, eta, mu).unwrap();
        // eta (1 - c) at the limit, c = (1 - lr)^k: the learning rate of it
        let c: f64 = 1.0 - cycle.limit() / eta;
        let lr = if k == 1 { 1.0 - c } else { 1.0 + (-c).powf(1.0 / f64::from(k)) };
        let is_stable = |lr: f64| OuterSystem::new(lr, 1.0, Momentum::NONE, &cycle).unwrap().is_stable();
        if (0.0..2.0).contains(&lr) {
            assert!(is_stable(lr * (1.0 - 1e-13)) && !is_stable(lr * (1.0 + 1e-13)), "{cycle:?} at {lr}");
        }
    }
}
