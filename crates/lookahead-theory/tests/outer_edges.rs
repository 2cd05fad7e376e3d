//! Outer steps where a rounding would decide: an eta that takes nearly all of a cycle's way back, small eta that
//! diverge, and huge ones.

use lookahead::InnerStatePolicy::{Interpolate, Maintain, Reset};
use lookahead::OuterForm::{HeavyBall, Nesterov};
use lookahead::{InnerStatePolicy, OuterForm};
use lookahead_theory::{
    Cycle, Eigenvalues, Momentum, OuterCycle, OuterSystem, convergence_rate, largest_stable_rate, optimal_outer_rate,
    optimal_rate, outer_convergence_rate,
};

fn cycle(k: u32, eta: f64, mu: f64, form: OuterForm, inner_state: InnerStatePolicy) -> OuterCycle {
    OuterCycle { form, inner_state, ..OuterCycle::new(k, eta, mu).unwrap() }
}

fn eigenvalues(values: &[f64]) -> Eigenvalues {
    Eigenvalues::new(values.to_vec()).unwrap()
}

fn near(a: f64, b: f64, tolerance: f64) -> bool {
    (a - b).abs() <= tolerance * a.abs().max(b.abs())
}

/// Each with lr a, beta, k, eta and mu, and the rate.
fn assert_rates(expected: &[(OuterForm, InnerStatePolicy, [f64; 5], f64)]) {
    for &(form, policy, [lr, beta, k, eta, mu], expected) in expected {
        let (momentum, cycle) = (Momentum::new(beta).unwrap(), cycle(k as u32, eta, mu, form, policy));
        let found = outer_convergence_rate(&eigenvalues(&[1.0]), lr, momentum, &cycle).unwrap();
        assert!(near(found, expected, 1e-12), "{found}, not {expected}: lr a = {lr}, beta = {beta}, {cycle:?}");
    }
}

/// The rates are mpmath's (Python), with 60 digits more than the cycle loses: k steps and an outer step on (x, u, b) by
/// their definition, and the largest eigenvalue of that matrix by squaring it 75 times. Where eta is 1, what a cycle
/// leaves of a weight is 1e-12 to 1e-500.
#[test]
fn what_an_outer_step_nearly_cancels_keeps_its_digits() {
    let above_one = 1.0 + f64::EPSILON;
    assert_rates(&[
        (Nesterov, Maintain, [0.1, 0.0, 500.0, 1.0, 0.0], 0.1),
        (Nesterov, Maintain, [0.9, 0.0, 500.0, 1.0, 0.0], 0.9),
        (Nesterov, Interpolate, [0.1, 0.0, 500.0, 1.0, 0.9], 0.05141665044555977),
        (Nesterov, Reset, [0.9, 0.0, 500.0, 1.0, 0.9], 0.68380555014852),
        (Nesterov, Maintain, [1.7, 0.0, 183.0, 1.0, 0.15], 0.16766548686307753),
        (Nesterov, Maintain, [0.5, 0.0, 40.0, above_one, 0.13], 0.3107004919369848),
        (HeavyBall, Maintain, [0.1, 0.0, 500.0, 1.0, 0.9], 0.00010535496543362297),
        (HeavyBall, Maintain, [0.5, 0.1, 48.0, 1.0, 0.0], 0.683772233983162),
        (Nesterov, Interpolate, [0.5, 0.1, 500.0, 1.0, 0.0], 0.683772233983162),
        (Nesterov, Maintain, [0.5, 0.5, 2000.0, 1.0, 0.0], 0.2928932188134525),
        (Nesterov, Maintain, [0.5, 0.9, 5000.0, 1.0, 0.0], 0.05131670194948619),
        (Nesterov, Maintain, [0.33, 0.015, 926.0, 1.0, 0.08], 0.1872529267067102),
        (Nesterov, Maintain, [0.5, 0.9, 5000.0, 1.0, 0.9], 0.026041348501329758),
        (Nesterov, Interpolate, [1.25, 0.1, 520.0, 1.0, 0.75], 0.43785370009874125),
        (Nesterov, Interpolate, [0.5, 0.5, 2000.0, 1.0, 0.9], 0.15912573377456155),
        (Nesterov, Maintain, [1.375, 0.1, 458.0, 1.0 + 2_f64.powi(-32), 0.6], 0.02446806671219336),
        (HeavyBall, Maintain, [1.5, 0.5, 300.0, 1.0, 1e-9], 0.03394912101018663),
        (Nesterov, Reset, [0.5, 0.9, 500.0, 1.0, 0.0], 0.05123008295754652),
        (Nesterov, Reset, [0.5, 0.5, 2000.0, 1.0, 0.0], 0.2928932188134525),
        (Nesterov, Reset, [0.5, 0.9, 500.0, 1.0, 0.9], 0.026054409974635016),
        (Nesterov, Reset, [0.5, 0.5, 2000.0, 1.0, 0.9], 0.15912573377456155),
        (Nesterov, Reset, [3.0, 0.95, 20000.0, 1.0, 0.3], 0.012793937874294017),
    ]);
}

#[test]
fn without_outer_momentum_the_rate_is_lookaheads_for_each_alpha_and_k() {
    let eigenvalues = eigenvalues(&[0.1, 1.0]);
    for k in [1, 5, 48, 500, 5000] {
        for alpha in [1e-3, 0.5, 1.0 - 1e-12, 1.0] {
            for beta in [0.0, 0.1, 0.5, 0.9] {
                // Without momentum Lookahead counts what "interpolate" leaves of a velocity that moves nothing.
                let policies = if beta == 0.0 { vec![Maintain, Reset] } else { vec![Maintain, Interpolate, Reset] };
                for inner_state in policies {
                    let (momentum, lookahead) = (Momentum::new(beta).unwrap(), Cycle::new(k, alpha).unwrap());
                    let lookahead = Cycle { inner_state, ..lookahead };
                    for lr in [1e-9, 0.3, 0.9, 1.7] {
                        let ours = outer_convergence_rate(&eigenvalues, lr, momentum, &lookahead.into()).unwrap();
                        let paper = convergence_rate(&eigenvalues, lr, momentum, &lookahead).unwrap();
                        assert!(near(ours, paper, 1e-12), "{ours} {paper}: {lr} {beta} {lookahead:?}");
                    }
                }
            }
        }
    }
}

/// Local SGD with DiLoCo's k: one eigenvalue is moved all the way, the other one shrinks by 1 - lr a each step.
#[test]
fn no_learning_rate_is_perfect_for_two_curvatures() {
    let eigenvalues = eigenvalues(&[0.1, 1.0]);
    let (none, local_sgd) = (Momentum::NONE, Cycle::new(500, 1.0).unwrap());
    let (ours, paper) =
        (optimal_outer_rate(&eigenvalues, none, &local_sgd.into()), optimal_rate(&eigenvalues, none, &local_sgd));
    // (1 - 0.1 lr) = -(1 - lr): lr = 2 / 1.1, and the rate is 0.1 lr
    assert!(near(paper.rate, 0.2 / 1.1, 1e-8) && near(ours.rate, paper.rate, 1e-12), "{ours:?} {paper:?}");
    let nesterov = optimal_outer_rate(&eigenvalues, none, &OuterCycle::new(500, 1.0, 0.9).unwrap());
    // z^2 = -mu c: best where both c are of one size
    let expected = 1.0 - (0.9 / 1.1_f64).sqrt() * 0.9_f64.powf(0.5 / 500.0);
    assert!(near(nesterov.lr, 2.0 / 1.1, 1e-6) && near(nesterov.rate, expected, 1e-8), "{nesterov:?}");
}

/// x of a direction of curvature 1 after so many cycles from x = 1, by the optimizer's own steps.
fn after(cycles: u32, lr: f64, beta: f64, cycle: &OuterCycle) -> f64 {
    let (eta, mu) = (cycle.rate.get(), cycle.momentum.get());
    let (mut slow, mut velocity, mut buffer) = (1.0, 0.0, 0.0);
    for _ in 0..cycles {
        let mut fast = slow;
        for _ in 0..cycle.steps() {
            velocity = beta * velocity + lr * fast;
            fast -= velocity;
        }
        let delta = slow - fast;
        buffer = mu * buffer + delta;
        slow -= eta * if cycle.form == Nesterov { delta + mu * buffer } else { buffer };
    }
    slow
}

/// What k steps leave of a velocity is here more than 1 in size, so that it grows however little the weights move.
#[test]
fn no_small_rate_is_called_stable_that_diverges() {
    // lr a, beta, k, mu; m22, the part of the velocity, is 2.9, 1.3, 12.5, 2.5 and -2.6
    let cases = [
        (Nesterov, [3.5, 0.9, 3.0, 0.9]),
        (HeavyBall, [3.03, 0.923, 12.0, 0.793]),
        (Nesterov, [3.9796, 0.99, 7.0, 0.376]),
        (Nesterov, [3.33, 0.666, 3.0, 0.698]),
        (HeavyBall, [3.7, 0.95, 2.0, 0.5]),
    ];
    for (form, [lr, beta, k, mu]) in cases {
        let of = |eta| cycle(k as u32, eta, mu, form, Maintain);
        let momentum = Momentum::new(beta).unwrap();
        let largest = largest_stable_rate(&eigenvalues(&[1.0]), lr, momentum, &of(0.7)).unwrap();
        assert_eq!(largest, 0.0, "{form:?} lr a = {lr}, beta = {beta}, k = {k}, mu = {mu}");
        for eta in [1e-6, 1e-3] {
            let slow = after(300, lr, beta, &of(eta));
            assert!(slow.is_nan() || slow.abs() > 1e6, "{slow} at {eta}");
        }
    }
}

/// The largest eigenvalues are those of the matrix by its definition, in Python's `decimal` with 120 digits.
#[test]
fn a_huge_rate_is_unstable() {
    let expected = [
        (Nesterov, Maintain, 0.9, 1e38, 0.9, 6.974966087699999e+37),
        (Nesterov, Maintain, 0.9, 1e35, 0.0, 3.6710347829999997e+34),
        (HeavyBall, Interpolate, 0.9, 3e38, 0.9, 1.1013104349e+38),
    ];
    for (form, policy, beta, eta, mu, radius) in expected {
        let (momentum, cycle) = (Momentum::new(beta).unwrap(), cycle(5, eta, mu, form, policy));
        let system = OuterSystem::new(0.03, 1.0, momentum, &cycle).unwrap();
        assert!(near(system.spectral_radius(), radius, 1e-12), "{} {cycle:?}", system.spectral_radius());
        let rate = outer_convergence_rate(&eigenvalues(&[1.0]), 0.03, momentum, &cycle).unwrap();
        assert!(near(rate, 1.0 - radius.powf(0.2), 1e-10) && !system.is_stable(), "{rate} {cycle:?}");
    }
}

/// The rates are mpmath's, as above, for the same lr eta with an lr of 1e-47 to 1e-200: what lr is alone counts for a
/// part of 1e-37 at most.
#[test]
fn a_huge_rate_beside_a_tiny_learning_rate_keeps_its_digits() {
    assert_rates(&[
        (Nesterov, Maintain, [2e-40, 0.0, 15.0, 5e37, 0.32], 0.017470162726103692),
        (HeavyBall, Reset, [1e-39, 0.9, 6.0, 3e37, 0.5], 0.05612568731830651),
        (Nesterov, Maintain, [4e-41, 0.4, 11.0, 6e37, 0.0], 0.004093972447050353),
        (HeavyBall, Interpolate, [1e-38, 0.9, 7.0, 1e37, 0.6], -0.07485040246609023),
    ]);
}

#[test]
fn no_rate_up_to_the_largest_is_called_stable() {
    for form in [Nesterov, HeavyBall] {
        for policy in [Maintain, Interpolate, Reset] {
            for beta in [0.0, 0.5, 0.9] {
                for mu in [0.0, 1e-300, 0.5, 0.9] {
                    for exponent in [4, 10, 19, 30, 37, 38] {
                        let cycle = cycle(5, 1.7 * 10_f64.powi(exponent), mu, form, policy);
                        for lr in [1e-3, 0.03, 1.0, 1.5] {
                            let system = OuterSystem::new(lr, 1.0, Momentum::new(beta).unwrap(), &cycle).unwrap();
                            let radius = system.spectral_radius();
                            assert!(radius > 1.0 && !system.is_stable(), "{radius} {lr} {beta} {cycle:?}");
                        }
                    }
                }
            }
        }
    }
}
