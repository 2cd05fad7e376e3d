//! What a sync does to the weights (Algorithm 1, Eq. 1 and 2), on the beat and off it.

use lookahead::InnerStatePolicy;

use crate::case::{alpha, changing, initial_value, period, policies};
use crate::compare::{assert_close, assert_same_bits, assert_same_by_other_kernels, assert_slow_beside_fast};
use crate::laws::{eq1, tolerance};
use crate::{Case, Subject, Tensor};

pub(crate) fn fast_equals_slow_after_each_sync<S: Subject>(case: &Case) {
    for policy in policies::<S>() {
        let mut subject = case.new_subject::<S>(&case.lookahead(policy));
        let mut slow = subject.slow();
        let what = format_args!("{policy:?}: slow weights are seeded from theta_0");
        assert_slow_beside_fast::<S>(what, &slow, &subject.weights());
        for step in 0..3 * case.k() {
            case.advance(&mut subject, step..step + 1);
            let what = format_args!("{policy:?}: slow weights after step {} of period {}", step + 1, case.k());
            if case.syncs_after(step) {
                slow = subject.slow();
                assert_slow_beside_fast::<S>(what, &slow, &subject.weights());
            }
            assert_same_bits(what, &subject.slow(), &slow);
        }
    }
}

pub(crate) fn slow_weights_are_the_average_of_eq2<S: Subject>(case: &Case) {
    for policy in policies::<S>() {
        let mut subject = case.new_subject::<S>(&case.lookahead(policy));
        let phi_0 = subject.weights();
        let mut thetas = Vec::new();
        for t in 0..3 {
            // theta_{t,k}: the same run, in which outer step t does not end
            let mut observer = case.new_subject::<S>(&case.never_ending(policy, t));
            case.advance(&mut observer, 0..(t + 1) * case.k());
            thetas.push(observer.weights());

            case.advance(&mut subject, t * case.k()..(t + 1) * case.k());
            let expected = average(case.alpha.get(), &phi_0, &thetas);
            let what = format_args!("{policy:?}: after outer step {t}");
            // each rounding stays by 1 - alpha of itself
            assert_close(what, tolerance::<S>(16.0, 1.0 / case.alpha.get()), &subject.slow(), &expected);
        }
    }
    if case.base.rule.ignores_weights() {
        slow_weights_go_alpha_times_as_far::<S>(case);
    }
}

/// Eq. 2 with its indices corrected: `phi_{t+1} = (1-alpha)^{t+1} phi_0 + alpha sum_s (1-alpha)^{t-s} theta_{s,k}`.
fn average(alpha: f64, phi_0: &[Vec<f64>], thetas: &[Vec<Vec<f64>>]) -> Vec<Vec<f64>> {
    let t = thetas.len() as i32 - 1;
    let element = |tensor: usize, i: usize| {
        let newer: f64 = (0..).zip(thetas).map(|(s, theta)| (1.0 - alpha).powi(t - s) * theta[tensor][i]).sum();
        (1.0 - alpha).powi(t + 1) * phi_0[tensor][i] + alpha * newer
    };
    phi_0.iter().enumerate().map(|(tensor, phi)| (0..phi.len()).map(|i| element(tensor, i)).collect()).collect()
}

/// Where steps depend on the gradients alone and these are given: `phi_t - phi_0 = alpha (theta_{tk} - theta_0)`, with
/// theta the bare inner optimizer's weights.
fn slow_weights_go_alpha_times_as_far<S: Subject>(case: &Case) {
    let mut subject = case.new_subject::<S>(&case.lookahead(InnerStatePolicy::Maintain));
    let mut bare = case.new_subject::<S>(&case.base);
    let phi_0 = subject.weights();
    for step in 0..3 * case.k() {
        let grads = case.gradients::<S>(step, &phi_0);
        subject.step(case.lr(step), &grads);
        bare.step(case.lr(step), &grads);
    }
    let expected = eq1(case.alpha.get(), &phi_0, &bare.weights());
    let what = "the slow weights and alpha times the way of the inner optimizer, given the same gradients";
    assert_close(what, tolerance::<S>(128.0, 4.0), &subject.slow(), &expected);
}

pub(crate) fn frozen_tensors_never_change<S: Subject>(case: &Case) {
    assert_never_change::<S>(case, |_| None);
}

pub(crate) fn resting_tensors_never_change<S: Subject>(case: &Case) {
    if case.base.rule.rests_without_gradient() {
        assert_never_change::<S>(case, |length| Some(vec![0.0; length]));
    }
}

/// A tensor that has this gradient in each step keeps its bits, and so do its slow weights.
fn assert_never_change<S: Subject>(case: &Case, gradient: fn(usize) -> Option<Vec<f64>>) {
    let values = [-0.0, 0.0, 0.1, 1.0 / 3.0, -7.7, 1e-30, 1e30].map(|value| S::PRECISION.round(value));
    let gradient = gradient(values.len());
    let mut case = case.clone();
    case.tensors.push(Tensor::new("frozen", &[values.len()], values.to_vec()));
    let last = case.tensors.len() - 1;
    for policy in policies::<S>() {
        let mut subject = case.new_subject::<S>(&case.lookahead(policy));
        let before = [("fast", subject.weights()), ("slow", subject.slow())];
        for step in 0..3 * case.k() {
            let mut grads = case.gradients::<S>(step, &subject.weights());
            grads[last].clone_from(&gradient);
            subject.step(case.lr(step), &grads);
            for ((what, before), after) in before.iter().zip([subject.weights(), subject.slow()]) {
                let what = format_args!("{policy:?}, gradient {gradient:?}: {what} weights, step {}", step + 1);
                assert_same_bits(what, &after[last..], &before[last..]);
            }
        }
    }
}

pub(crate) fn sync_now_after_a_sync_changes_nothing<S: Subject>(case: &Case) {
    // the ends of the periods k, 2 k and k
    let ends = [0, 1, 3, 4].map(|cycles| cycles * case.k());
    for policy in policies::<S>() {
        let setup = case.scheduled(policy);
        let (mut pushed, mut left_alone) = (case.new_subject::<S>(&setup), case.new_subject::<S>(&setup));
        for step in 0..=5 * case.k() {
            if ends.contains(&step) {
                pushed.sync_now();
                pushed.sync_now();
            }
            let what = format_args!("{policy:?}: sync_now at phase 0, up to step {step}: ");
            assert_same_bits(format_args!("{what}weights"), &pushed.weights(), &left_alone.weights());
            assert_same_bits(format_args!("{what}slow weights"), &pushed.slow(), &left_alone.slow());
            case.advance(&mut pushed, step..step + 1);
            case.advance(&mut left_alone, step..step + 1);
        }
    }
}

pub(crate) fn sync_now_ends_a_partial_cycle<S: Subject>(case: &Case) {
    let alphas = changing(case.alpha, [(1, alpha(case.alpha.get() / 2.0))]);
    for policy in policies::<S>() {
        let config = case.config(policy).with_alpha(alphas.clone());
        for phase in 1..case.sync_period.get() {
            let what = format!("{policy:?}: sync_now after {phase} steps");
            let steps = u64::from(phase);
            let mut subject = case.new_subject::<S>(&case.base.inside(config.clone()));
            let phi = subject.weights();
            let mut inner = case.new_subject::<S>(&case.base);
            case.advance(&mut inner, 0..steps);
            inner.sync_now();

            case.advance(&mut subject, 0..steps);
            subject.sync_now();
            let both = format_args!("{what}: fast and slow weights");
            assert_slow_beside_fast::<S>(both, &subject.slow(), &subject.weights());
            let expected = eq1(case.alpha.get(), &phi, &inner.weights());
            assert_close(&what, tolerance::<S>(4.0, 2.0), &subject.slow(), &expected);

            assert_next_cycle_is_full::<S>(&what, case, steps, &mut subject);
            if case.nests(phase) {
                // the same as a first period of so many steps
                let periods = changing(period(phase), [(1, case.sync_period)]);
                let scheduled = case.base.inside(config.clone().with_sync_period(periods));
                let mut scheduled = case.new_subject::<S>(&scheduled);
                case.advance(&mut scheduled, 0..steps + case.k());
                let what = format_args!("{what}: like a first period of {phase}");
                assert_same_by_other_kernels::<S>(what, &subject.weights(), &scheduled.weights());
            }
        }
    }
}

fn assert_next_cycle_is_full<S: Subject>(what: &str, case: &Case, begin: u64, subject: &mut S) {
    let slow = subject.slow();
    for step in begin..begin + case.k() - 1 {
        case.advance(subject, step..step + 1);
        let phase = step + 1 - begin;
        assert_same_bits(format_args!("{what}: slow weights {phase} steps later"), &subject.slow(), &slow);
    }
    case.advance(subject, begin + case.k() - 1..begin + case.k());
    let what = format_args!("{what}: fast and slow, a period later");
    assert_slow_beside_fast::<S>(what, &subject.slow(), &subject.weights());
}

/// A tensor that joins in mid-run.
pub(super) fn late<S: Subject>() -> Tensor {
    let values = (1..5).map(|i| S::PRECISION.round(initial_value("late", i))).collect();
    Tensor::new("late", &[2, 2], values)
}

pub(crate) fn late_tensors_are_seeded_and_synced<S: Subject>(case: &Case) {
    let mut with_late = case.clone();
    with_late.tensors.push(late::<S>());
    let known = case.tensors.len();
    let alone = with_late.alone(known);
    for policy in policies::<S>() {
        for joined in (0..case.sync_period.get()).filter(|&phase| case.nests(phase)).map(u64::from) {
            let what = format!("{policy:?}: a tensor that joined after step {joined}");
            let mut subject = case.new_subject::<S>(&case.lookahead(policy));
            let mut without = case.new_subject::<S>(&case.lookahead(policy));
            let mut inner = alone.new_subject::<S>(&case.base);
            case.advance(&mut subject, 0..joined);
            subject.add(&with_late.tensors[known]);
            with_late.advance(&mut subject, joined..case.k());
            alone.advance(&mut inner, joined..case.k());
            // Eq. 1 from its value when it joined
            let seed = std::slice::from_ref(&with_late.tensors[known].values);
            let expected = eq1(case.alpha.get(), seed, &inner.weights());
            // a Lookahead inside draws otherwise for a tensor in another place
            let syncs = if case.base.has_lookahead() { 6.0 } else { 2.0 };
            assert_close(&what, tolerance::<S>(4.0, syncs), &subject.slow()[known..], &expected);

            case.advance(&mut without, 0..case.k());
            for end in 1..4 {
                let both = format_args!("{what}: fast and slow");
                assert_slow_beside_fast::<S>(both, &subject.slow(), &subject.weights());
                assert_same_bits(format_args!("{what}: the others"), &subject.slow()[..known], &without.slow());
                with_late.advance(&mut subject, end * case.k()..(end + 1) * case.k());
                case.advance(&mut without, end * case.k()..(end + 1) * case.k());
            }
        }
    }
}
