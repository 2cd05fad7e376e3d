//! Outer steps where a rounding would decide: small eta that diverge.

use lookahead::InnerStatePolicy::Maintain;
use lookahead::OuterForm::{HeavyBall, Nesterov};
use lookahead::{InnerStatePolicy, OuterForm};
use lookahead_theory::{Eigenvalues, Momentum, OuterCycle, largest_stable_rate};

fn cycle(k: u32, eta: f64, mu: f64, form: OuterForm, inner_state: InnerStatePolicy) -> OuterCycle {
    OuterCycle { form, inner_state, ..OuterCycle::new(k, eta, mu).unwrap() }
}

fn eigenvalues(values: &[f64]) -> Eigenvalues {
    Eigenvalues::new(values.to_vec()).unwrap()
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
