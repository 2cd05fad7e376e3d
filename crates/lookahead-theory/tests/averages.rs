//! What must hold of averages of SGD's weights: against the optimizers themselves, each other, and plain SGD.

use lookahead::rules::Sgd;
use lookahead::{Averaged, Averaging, Gpa, Optimizer, OuterForm, PrimalAveraged, ScheduleFree};
use lookahead_theory::{
    Average, AverageDynamics, Cycle, Dynamics, Eigenvalues, Moments, Momentum, Noise, NoisyQuadratic, OuterCycle,
    OuterDynamics, Sample, sample_optimizer,
};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

/// The same cases in every run.
fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, rng_seed: RngSeed::Fixed(2019), failure_persistence: None, ..ProptestConfig::default() }
}

fn problem() -> NoisyQuadratic {
    let eigenvalues = Eigenvalues::new(vec![0.05, 0.4, 1.0, 2.0]).unwrap();
    NoisyQuadratic::new(eigenvalues, &Noise::Listed(vec![20.0, 1.0, 0.5, 0.1])).unwrap()
}

fn assert_near(found: &[Moments], expected: &[Moments], tolerance: f64) {
    for (found, expected) in found.iter().zip(expected) {
        let scale = expected.mean.abs() + expected.variance.sqrt();
        assert!((found.mean - expected.mean).abs() <= tolerance * scale, "{found:?} {expected:?}");
        assert!((found.variance - expected.variance).abs() <= tolerance * expected.variance, "{found:?} {expected:?}");
    }
}

fn at_rest(variances: &[f64]) -> Vec<Moments> {
    variances.iter().map(|&variance| Moments { mean: 0.0, variance }).collect()
}

/// Standard errors that no estimate may be away.
const Z: f64 = 5.0;

#[test]
fn the_optimizers_have_the_moments_of_the_recursion() {
    fn check<O: Optimizer<f64> + Sync>(optimizer: &O, average: Average, lr: f64, seed: u64) {
        for steps in [1, 2, 25] {
            let sample = Sample { runs: 5000, steps, seed };
            let found = sample_optimizer(&problem(), optimizer, &lr.into(), 1.5, &sample).unwrap();
            let (problem, start) = (problem(), Moments::at(1.5));
            let dynamics = AverageDynamics::new(&problem, lr, average).unwrap();
            let [x, y] = [dynamics.after(start, steps).unwrap(), dynamics.trained_after(start, steps).unwrap()];
            let deviation = found.largest_deviation(&x, &y).unwrap();
            assert!(deviation < Z, "{deviation} standard errors: {average:?} {steps}");
        }
    }
    check(&Averaged::new(Sgd::new(), Averaging::Running { start: 0 }), Average::running(), 0.4, 1);
    let ema = Averaged::new(Sgd::new(), Averaging::exponential(0.9).unwrap());
    check(&ema, Average::exponential(0.9).unwrap(), 0.4, 2);
    let schedule_free = ScheduleFree::new().with_beta(0.8).unwrap();
    check(&PrimalAveraged::new(Sgd::new(), schedule_free), Average::schedule_free(0.8).unwrap(), 1.2, 3);
    let gpa = Gpa::new().with_coefficients(0.9, 0.7).unwrap();
    check(&PrimalAveraged::new(Sgd::new(), gpa), Average::gpa(0.9, 0.7).unwrap(), 0.8, 4);
}

/// `sigma^2 / ((1 - beta^2) t)`, whatever the learning rate.
#[test]
fn the_variance_of_schedule_free_falls_like_one_over_t() {
    let problem = problem();
    for beta in [0.0, 0.5, 0.9] {
        for lr in [0.2, 0.9] {
            let dynamics = AverageDynamics::new(&problem, lr, Average::schedule_free(beta).unwrap()).unwrap();
            let t = 200_000;
            let moments = dynamics.after(Moments::at(1.0), t).unwrap();
            for (found, direction) in moments.iter().zip(problem.directions()) {
                let expected = direction.noise_variance / (1.0 - beta * beta);
                assert!((found.variance * t as f64 - expected).abs() <= 4e-3 * expected, "{found:?} {expected}");
            }
            assert_eq!(dynamics.final_loss(), problem.least_loss());
        }
    }
}

#[test]
fn learning_rates_at_the_limit_are_refused_and_nothing_below_grows() {
    let problem = problem();
    for average in [Average::gpa(0.9, 0.7), Average::gpa(0.5, 1.0), Average::exponential(0.9), Average::gpa(0.0, 0.3)] {
        let average = average.unwrap();
        let limit = average.lr_limit(2.0);
        assert!(AverageDynamics::new(&problem, limit * (1.0 + 1e-12), average).is_err());
        let dynamics = AverageDynamics::new(&problem, limit * (1.0 - 1e-4), average).unwrap();
        let later = dynamics.after(Moments::at(1.0), 100_000_000).unwrap();
        assert_near(&later, &at_rest(&dynamics.final_variances()), 1e-7);
    }
    let error = AverageDynamics::new(&problem, 1.0, Average::running()).unwrap_err().to_string();
    assert_eq!(error, "the learning rate is 1, but must be above 0 and below 1, the limit of this average");
    let mean = AverageDynamics::new(&problem, 0.5, Average::running()).unwrap();
    assert!(mean.after(Moments::at(1.0), 1_000_000_000).is_err());
    assert!(
        Average::schedule_free(1.0).is_err() && Average::exponential(1.0).is_err() && Average::gpa(0.5, 1.1).is_err()
    );
}

proptest! {
    #![proptest_config(config(128))]

    #[test]
    fn gpa_is_an_outer_step_after_each_inner_one(
        mu in 0.0..0.99_f64, eta in 0.01..1.5_f64, part in 0.01..0.9_f64, steps in 1..60_u64,
    ) {
        let problem = problem();
        for (form, mu_y) in [(OuterForm::Nesterov, mu), (OuterForm::HeavyBall, 1.0)] {
            let average = Average::gpa(mu, mu_y).unwrap();
            let lr = part * average.lr_limit(2.0) * (1.0 - mu) / eta;
            let cycle = OuterCycle { form, ..OuterCycle::new(1, eta, mu).unwrap() };
            if let Ok(outer) = OuterDynamics::new(&problem, lr, Momentum::NONE, cycle) {
                let gpa = AverageDynamics::new(&problem, eta * lr / (1.0 - mu), average).unwrap();
                let start = Moments { mean: -1.0, variance: 0.3 };
                assert_near(&gpa.trained_after(start, steps).unwrap(), &outer.after(start, steps).unwrap(), 1e-9);
            }
        }
    }

    #[test]
    fn an_average_of_the_last_weights_alone_is_sgd(part in 0.01..0.99_f64, m in 0.0..=1.0_f64, steps in 0..50_u64) {
        let (problem, start) = (problem(), Moments { mean: -1.0, variance: 0.3 });
        let sgd = Dynamics::new(&problem, part, Momentum::NONE, Cycle::inner_alone()).unwrap();
        for average in [Average::exponential(0.0).unwrap(), Average::gpa(0.0, m).unwrap()] {
            let ours = AverageDynamics::new(&problem, part, average).unwrap();
            assert_near(&ours.after(start, steps).unwrap(), &sgd.after(start, steps).unwrap(), 1e-12);
            assert_near(&at_rest(&ours.final_variances()), &at_rest(&sgd.final_variances().unwrap()), 1e-12);
        }
    }

    #[test]
    fn a_fixed_point_stays_where_it_is(mu_x in 0.0..0.999_f64, mu_y in 0.0..=1.0_f64, part in 0.001..0.99_f64) {
        let (problem, average) = (problem(), Average::gpa(mu_x, mu_y).unwrap());
        let dynamics = AverageDynamics::new(&problem, part * average.lr_limit(2.0), average).unwrap();
        let later = dynamics.after(Moments::at(1.0), 100_000_000).unwrap();
        assert_near(&later, &at_rest(&dynamics.final_variances()), 1e-8);
    }
}
