//! Outer steps with momentum: what they are where there is none, after a restart, with k = 1, with a buffer in other units
//! and for several workers.

use lookahead::{Alpha, BufferUnit, InnerStatePolicy, OuterForm, OuterRate, OuterStep};

use crate::case::{changing, momentum, never_ending, period, policies};
use crate::compare::{assert_close, assert_same_bits, assert_same_by_other_kernels};
use crate::laws::identities::assert_same_run;
use crate::laws::{tensors_at, tolerance};
use crate::{Case, Setup, Slow, Subject};

const MU: f64 = 0.5;

pub(crate) fn an_outer_step_without_momentum_is_eq1<S: Subject>(case: &Case) {
    let (none, later) = (momentum(0.0), changing(momentum(0.0), [(1000, momentum(MU))]));
    for policy in policies::<S>() {
        for alpha in [case.alpha, Alpha::ONE] {
            let (eta, setup) = (OuterRate::from(alpha), case.base.inside(case.config(policy).with_alpha(alpha)));
            for mu in [none.into(), later.clone()] {
                for step in [OuterStep::nesterov(eta, mu.clone()), OuterStep::heavy_ball(eta, mu.clone())] {
                    let what = format!("{policy:?}, alpha = eta = {}, mu {mu:?}", alpha.get());
                    let outer = case.base.inside(case.config(policy).with_outer_step(step));
                    assert_same_run::<S>(&what, case, assert_same_by_other_kernels::<S>, &setup, &outer);
                }
            }
        }
    }
}

pub(crate) fn a_restart_is_a_fresh_momentum<S: Subject>(case: &Case) {
    if !S::keeps(InnerStatePolicy::Reset) {
        return;
    }
    if S::SLOW == Slow::Wider {
        return println!("a fresh optimizer begins at the rounding of these slow weights");
    }
    let restarting = |step: OuterStep| step.with_restarts(2).expect("it is not 0");
    for step in [OuterStep::nesterov(case.eta(), momentum(MU)), OuterStep::heavy_ball(case.eta(), momentum(MU))] {
        let setup = case.base.inside(case.config(InnerStatePolicy::Reset).with_outer_step(restarting(step)));
        let mut subject = case.new_subject::<S>(&setup);
        case.advance(&mut subject, 0..2 * case.k());
        let mut fresh = S::new(&setup, &tensors_at(case, &subject.weights()));
        for step in 2 * case.k()..5 * case.k() {
            case.advance(&mut subject, step..step + 1);
            case.advance(&mut fresh, step..step + 1);
            let what = format_args!("restarted after two outer steps, and fresh: after step {}", step + 1);
            assert_same_bits(what, &subject.weights(), &fresh.weights());
        }
    }
}

pub(crate) fn period_one_with_momentum_is_an_average_that_trains<S: Subject>(case: &Case) {
    let eta = case.eta();
    for (mu_y, step) in [(MU, OuterStep::nesterov(eta, momentum(MU))), (1.0, OuterStep::heavy_ball(eta, momentum(MU)))]
    {
        let config = case.config(InnerStatePolicy::Maintain).with_sync_period(period(1)).with_outer_step(step);
        let mut subject = case.new_subject::<S>(&case.base.inside(config));
        let mut inner = case.new_subject::<S>(&case.base);
        let (mut x, mut y) = (inner.weights(), inner.weights());
        for step in 0..20 {
            case.advance(&mut subject, step..step + 1);
            // z by the rule at rate eta gamma / (1 - mu) with gradients at y; then x <- mu x + (1 - mu) z and
            // y = mu_y x + (1 - mu_y) z
            let grads = case.gradients::<S>(step, &y);
            inner.step(eta.get() * case.lr(step) / (1.0 - MU), &grads);
            let z = inner.weights();
            x = mix(MU, &x, &z);
            y = mix(mu_y, &x, &z);
            let what = format_args!("k = 1 and the average with mu_y = {mu_y}, after step {}", step + 1);
            assert_close(what, tolerance::<S>(256.0, 20.0), &subject.weights(), &y);
        }
    }
}

/// `mu x + (1 - mu) z`
fn mix(mu: f64, x: &[Vec<f64>], z: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let element = |(x, z): (&f64, &f64)| mu * x + (1.0 - mu) * z;
    x.iter().zip(z).map(|(x, z)| x.iter().zip(z).map(element).collect()).collect()
}

/// eta in each outer step, as a part of the case's, and the learning rate, as a part of its first.
const ETAS: [f64; 4] = [1.0, 4.0, 0.5, 2.0];
const RATES: [f64; 4] = [1.0, 0.25, 1.0, 0.125];

pub(crate) fn an_outer_buffer_keeps_its_unit<S: Subject>(case: &Case) {
    let rates = ETAS.map(|eta| OuterRate::new(eta * case.eta().get()).expect("the laws use rates above 0"));
    let etas = changing(rates[0], [(1, rates[1]), (2, rates[2]), (3, rates[3])]);
    for unit in [BufferUnit::Delta, BufferUnit::OuterStep, BufferUnit::DeltaOverLearningRate] {
        // SNOO, MuLoCo, SlowMo
        let step = match unit {
            BufferUnit::DeltaOverLearningRate => OuterStep::heavy_ball(etas.clone(), momentum(MU)),
            _ => OuterStep::nesterov(etas.clone(), momentum(MU)),
        };
        let config = case.config(InnerStatePolicy::Maintain).with_outer_step(step.clone().with_buffer_unit(unit));
        let setup = case.base.inside(config.clone());
        let mut subject = case.new_subject::<S>(&setup);
        let mut phi = subject.slow();
        let mut u: Vec<Vec<f64>> = phi.iter().map(|phi| vec![0.0; phi.len()]).collect();
        for (t, (eta, rate)) in rates.into_iter().zip(RATES).enumerate() {
            // theta_{t,k}: the same run, in which outer step t does not end
            let observed = case.base.inside(never_ending(config.clone(), t as u64));
            let mut observer = case.new_subject::<S>(&observed);
            (0..=t).for_each(|outer| advance_a_cycle(case, &mut observer, outer));
            let theta = observer.weights();

            advance_a_cycle(case, &mut subject, t);
            let in_unit = match unit {
                BufferUnit::Delta => 1.0,
                BufferUnit::OuterStep => eta.get(),
                BufferUnit::DeltaOverLearningRate => 1.0 / rate,
            };
            for (tensor, buffer) in u.iter_mut().enumerate() {
                for (i, u) in buffer.iter_mut().enumerate() {
                    // u <- mu u + delta in the unit of the source, then phi <- phi - eta d, with d in ways again
                    let delta = in_unit * (phi[tensor][i] - theta[tensor][i]);
                    *u = MU * *u + delta;
                    let d = if step.form() == OuterForm::Nesterov { delta + MU * *u } else { *u };
                    phi[tensor][i] -= eta.get() * d / in_unit;
                }
            }
            let what = format_args!("a buffer in {unit:?}, after outer step {t}");
            assert_close(what, tolerance::<S>(64.0, 4.0), &subject.slow(), &phi);
            if t == 1 {
                subject = case.reload(&setup, &subject);
            }
        }
    }
}

/// The steps of outer step `outer`, all at one learning rate.
fn advance_a_cycle<S: Subject>(case: &Case, subject: &mut S, outer: usize) {
    for step in 0..case.k() {
        let grads = case.gradients::<S>(outer as u64 * case.k() + step, &subject.weights());
        subject.step(RATES[outer] * case.lr(0), &grads);
    }
}

pub(crate) fn equal_workers_are_one<S: Subject>(case: &Case) {
    let config = |step| case.config(InnerStatePolicy::Maintain).with_outer_step(step);
    let nesterov = config(OuterStep::nesterov(case.eta(), momentum(MU)));
    let plain = config(OuterStep::nesterov(case.eta(), momentum(0.0)));
    for config in [nesterov, plain] {
        let setup: Setup = case.base.inside(config);
        for count in 1..6 {
            let Some(mut workers) = S::with_workers(&setup, &case.tensors, count) else {
                return println!("there is one worker here");
            };
            let mut one = case.new_subject::<S>(&setup);
            for step in 0..3 * case.k() {
                case.advance(&mut workers, step..step + 1);
                case.advance(&mut one, step..step + 1);
                let what = format_args!("{count} workers and one, after step {}", step + 1);
                assert_same_bits(what, &workers.weights(), &one.weights());
            }
        }
    }
}
