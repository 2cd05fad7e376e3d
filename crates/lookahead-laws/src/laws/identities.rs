//! Hyperparameters for which Lookahead is something else that is known.

use lookahead::{Alpha, InnerStatePolicy, LookaheadConfig};

use crate::case::{alpha, period, policies};
use crate::compare::{assert_close, assert_same_bits, assert_same_by_other_kernels, assert_slow_beside_fast};
use crate::laws::script::{Run, Script};
use crate::laws::tolerance;
use crate::{Case, Rule, Setup, Subject};

/// How two runs are compared: [`assert_same_bits`], or [`assert_same_by_other_kernels`].
type Comparison = fn(String, &[Vec<f64>], &[Vec<f64>]);

/// Steps both subjects alike and compares their weights after each step.
pub(super) fn assert_same_run<S: Subject>(what: &str, case: &Case, same: Comparison, left: &Setup, right: &Setup) {
    let (mut left, mut right) = (case.new_subject::<S>(left), case.new_subject::<S>(right));
    for step in 0..3 * case.k() {
        case.advance(&mut left, step..step + 1);
        case.advance(&mut right, step..step + 1);
        same(format!("{what}, after step {}", step + 1), &left.weights(), &right.weights());
    }
    same(format!("{what}, slow weights"), &left.slow(), &right.slow());
}

pub(crate) fn alpha_one_is_the_inner_optimizer<S: Subject>(case: &Case) {
    let transparent = case.base.inside(case.config(InnerStatePolicy::Maintain).with_alpha(Alpha::ONE));
    let (mut wrapped, mut bare) = (case.new_subject::<S>(&transparent), case.new_subject::<S>(&case.base));
    for step in 0..3 * case.k() {
        case.advance(&mut wrapped, step..step + 1);
        case.advance(&mut bare, step..step + 1);
        let what = format_args!("after step {}", step + 1);
        if case.base.below.is_some() && case.base.look_ahead.is_some() {
            // a sync tells the Lookahead below theta, which follows from p
            assert_close(what, tolerance::<S>(64.0, 0.0), &wrapped.weights(), &bare.weights());
        } else {
            assert_same_by_other_kernels::<S>(what, &wrapped.weights(), &bare.weights());
        }
        if case.syncs_after(step) {
            let what = format_args!("slow weights at step {}", step + 1);
            assert_slow_beside_fast::<S>(what, &wrapped.slow(), &wrapped.weights());
        }
    }
}

pub(crate) fn interpolate_with_alpha_one_maintains<S: Subject>(case: &Case) {
    let with = |policy| case.base.inside(case.config(policy).with_alpha(Alpha::ONE));
    let (interpolate, maintain) = (with(InnerStatePolicy::Interpolate), with(InnerStatePolicy::Maintain));
    assert_same_run::<S>("interpolate and maintain", case, assert_same_bits, &interpolate, &maintain);
}

pub(crate) fn lookahead_inside_with_alpha_one_is_transparent<S: Subject>(case: &Case) {
    let k = case.sync_period.get();
    for inner_period in (1..=k).filter(|&inner| k.is_multiple_of(inner)) {
        let inside = LookaheadConfig::new().with_sync_period(period(inner_period)).with_alpha(Alpha::ONE);
        for policy in policies::<S>() {
            let nested = case.base.inside(inside.clone()).inside(case.config(policy));
            let what = format!("{policy:?}, inner period {inner_period}");
            let same = assert_same_by_other_kernels::<S>;
            assert_same_run::<S>(&what, case, same, &nested, &case.lookahead(policy));
        }
        if case.base.trains_beside() {
            assert_transparent_below::<S>(case, inside);
        }
    }
}

/// The same below an average, with a tensor that has no gradient for a while.
fn assert_transparent_below<S: Subject>(case: &Case, below: LookaheadConfig) {
    let inner_period = below.sync_period().at(0).get();
    let script = Script { gaps: vec![(0, 1..case.k() + 1)], ..Script::default() };
    let setup = case.base.around(below);
    let [mut with, mut without] = [&setup, &case.base].map(|setup| Run::<S>::new(case, setup, &script));
    for step in 0..3 * case.k() {
        with.step(step);
        without.step(step);
        let what = format!("below, period {inner_period}, after step {}", step + 1);
        assert_same_by_other_kernels::<S>(&what, &with.subject.weights(), &without.subject.weights());
        if (step + 1).is_multiple_of(inner_period.into()) {
            let what = format_args!("{what}: evaluated");
            assert_close(what, tolerance::<S>(64.0, 1.0), &with.subject.slow(), &without.subject.slow());
        }
    }
}

pub(crate) fn policies_agree_without_memory<S: Subject>(case: &Case) {
    let maintain = case.lookahead(InnerStatePolicy::Maintain);
    for policy in policies::<S>().filter(|policy| *policy != InnerStatePolicy::Maintain) {
        let what = format!("maintain and {policy:?}");
        assert_same_run::<S>(&what, case, assert_same_bits, &maintain, &case.lookahead(policy));
    }
}

pub(crate) fn period_one_scales_the_rate_of_sgd<S: Subject>(case: &Case) {
    let config = case.config(InnerStatePolicy::Maintain).with_sync_period(period(1));
    let mut lookahead = case.new_subject::<S>(&case.base.inside(config));
    let mut bare = case.new_subject::<S>(&case.base);
    for step in 0..20 {
        case.advance(&mut lookahead, step..step + 1);
        // theta <- theta - alpha gamma g
        let grads = case.gradients::<S>(step, &bare.weights());
        bare.step(case.alpha.get() * case.lr(step), &grads);
        let what = format_args!("after step {}", step + 1);
        assert_close(what, tolerance::<S>(64.0, 20.0), &lookahead.weights(), &bare.weights());
    }
}

pub(crate) fn learning_rate_reaches_the_rule<S: Subject>(case: &Case) {
    let config = LookaheadConfig::new().with_sync_period(period(100)).with_alpha(alpha(0.5));
    let setup = Setup::bare(Rule::Sgd).inside(config);
    let mut subject = case.new_subject::<S>(&setup);
    for (step, lr) in [0.5, 0.01, 0.0, 0.25, 0.001, 0.0, 0.125].into_iter().enumerate() {
        if step == 3 {
            subject = case.reload(&setup, &subject);
        }
        let before = subject.weights();
        let grads = case.gradients::<S>(step as u64, &before);
        subject.step(lr, &grads);
        // theta <- theta - gamma g
        let expected = moved(&before, &grads, lr);
        let what = format_args!("step {step} with learning rate {lr} (a save and load comes before step 3)");
        assert_close(what, 4.0 * S::PRECISION.epsilon(), &subject.weights(), &expected);
    }
}

fn moved(weights: &[Vec<f64>], grads: &[Option<Vec<f64>>], lr: f64) -> Vec<Vec<f64>> {
    let tensor = |(weights, gradient): (&Vec<f64>, &Option<Vec<f64>>)| {
        weights.iter().zip(gradient.iter().flatten()).map(|(theta, g)| theta - lr * g).collect()
    };
    weights.iter().zip(grads).map(tensor).collect()
}
