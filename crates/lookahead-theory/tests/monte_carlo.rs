//! The recursions against `lookahead::Lookahead` itself on the sampled model. The seeds are fixed, so the outcome is
//! too.

use lookahead::rules::Sgd;
use lookahead::{Alpha, InnerStatePolicy, Lookahead, OuterForm, Schedule, SyncPeriod};
use lookahead_theory::{
    Cycle, Eigenvalues, Estimates, Moments, Momentum, Noise, NoisyQuadratic, OuterCycle, OuterDynamics, Recursion,
    Sample, sample_moments, sample_optimizer,
};

/// Standard errors that no estimate may be away: with about 20 estimates a setting and 18 settings, a right recursion
/// leads to one beyond it once in 3000 changes of the seeds.
const Z: f64 = 5.0;

fn problem() -> NoisyQuadratic {
    let eigenvalues = Eigenvalues::new(vec![0.05, 0.4, 1.0, 2.0]).unwrap();
    NoisyQuadratic::new(eigenvalues, &Noise::Listed(vec![20.0, 1.0, 0.5, 0.0])).unwrap()
}

fn cycle(k: u32, alpha: f64, inner_state: InnerStatePolicy) -> Cycle {
    Cycle { sync_period: SyncPeriod::new(k).unwrap(), alpha: Alpha::new(alpha).unwrap(), inner_state }
}

#[test]
fn the_optimizer_has_the_moments_of_the_recursion() {
    let problem = problem();
    let schedule = Schedule::steps(0.3, [(9, 0.6), (17, 0.1)]).unwrap();
    let policies = [InnerStatePolicy::Maintain, InnerStatePolicy::Interpolate, InnerStatePolicy::Reset];
    for (momentum, seed) in [0.0, 0.5, 0.9].map(|beta| Momentum::new(beta).unwrap()).into_iter().zip(0..) {
        for policy in policies {
            // A multiple of k, and steps that end inside a cycle.
            for (k, steps) in [(5, 30), (4, 27)] {
                let cycle = cycle(k, 0.5, policy);
                let sample = Sample { runs: 20_000, steps, seed };
                let found = sample_moments(&problem, &schedule, momentum, &cycle, 1.0, &sample).unwrap();
                let mut expected =
                    Recursion::new(&problem, schedule.clone(), momentum, cycle, Moments::at(1.0)).unwrap();
                expected.run(steps);
                let deviation = found.largest_deviation(&expected.slow(), &expected.fast()).unwrap();
                assert!(deviation < Z, "{deviation} standard errors: {momentum:?} {cycle:?} {steps} steps");
            }
        }
    }
}

#[test]
fn a_wrong_recursion_is_found_out() {
    let problem = problem();
    let sample = Sample { runs: 20_000, steps: 30, seed: 3 };
    let estimate = |cycle| sample_moments(&problem, &0.3.into(), Momentum::NONE, &cycle, 1.0, &sample).unwrap();
    let moments = |cycle| {
        let mut recursion = Recursion::new(&problem, 0.3.into(), Momentum::NONE, cycle, Moments::at(1.0)).unwrap();
        recursion.run(30);
        (recursion.slow(), recursion.fast())
    };
    let found: Estimates = estimate(cycle(5, 0.5, InnerStatePolicy::Maintain));
    let (slow, fast) = moments(cycle(5, 0.55, InnerStatePolicy::Maintain));
    assert!(found.largest_deviation(&slow, &fast).unwrap() > 2.0 * Z);
}

#[test]
fn the_same_seed_gives_the_same_bits_on_any_number_of_threads() {
    let sample = Sample { runs: 700, steps: 7, seed: 11 };
    let run = |sample: &Sample| {
        let cycle = cycle(5, 0.5, InnerStatePolicy::Maintain);
        sample_moments(&problem(), &0.3.into(), Momentum::NONE, &cycle, 1.0, sample).unwrap()
    };
    let here = run(&sample);
    let alone = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap().install(|| run(&sample));
    assert_eq!(here, alone);
    assert_ne!(here, run(&Sample { seed: 12, ..sample }));
}

#[test]
fn the_optimizer_with_an_outer_step_has_the_moments_of_its_dynamics() {
    let problem = problem();
    let mut seed = 100;
    for (form, beta) in [(OuterForm::Nesterov, 0.0), (OuterForm::HeavyBall, 0.0), (OuterForm::Nesterov, 0.5)] {
        for inner_state in [InnerStatePolicy::Maintain, InnerStatePolicy::Interpolate, InnerStatePolicy::Reset] {
            for (k, eta, mu) in [(5, 0.7, 0.6), (3, 1.2, 0.3)] {
                let (momentum, sample) = (Momentum::new(beta).unwrap(), Sample { runs: 5000, steps: 30, seed });
                let cycle = OuterCycle { form, inner_state, ..OuterCycle::new(k, eta, mu).unwrap() };
                let sgd = Sgd::new().with_momentum(beta).unwrap();
                let optimizer = Lookahead::with_config(sgd, cycle.config()).unwrap();
                let found = sample_optimizer(&problem, &optimizer, &0.3.into(), 1.0, &sample).unwrap();
                let dynamics = OuterDynamics::new(&problem, 0.3, momentum, cycle).unwrap();
                let expected = dynamics.after(Moments::at(1.0), 30).unwrap();
                let deviation = found.largest_deviation(&expected, &expected).unwrap();
                assert!(deviation < Z, "{deviation} standard errors: {momentum:?} {cycle:?}");
                seed += 1;
            }
        }
    }
}
