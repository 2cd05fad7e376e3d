//! One clock and one alpha over all tensors.

use lookahead::{Adaptive, InnerStatePolicy};

use crate::case::{alpha, period, policies};
use crate::compare::{assert_close, assert_same_bits, assert_slow_beside_fast};
use crate::laws::{eq1, tolerance};
use crate::{Case, Subject};

pub(crate) fn several_tensors_sync_as_often_as_one<S: Subject>(case: &Case) {
    for policy in policies::<S>() {
        let setup = case.lookahead(policy);
        let mut together = case.new_subject::<S>(&setup);
        let mut alone: Vec<(Case, S)> = (0..case.tensors.len())
            .map(|index| case.alone(index))
            .map(|one| (one.clone(), one.new_subject(&setup)))
            .collect();
        for step in 0..=2 * case.k() {
            case.advance(&mut together, step..step + 1);
            for (index, (case, subject)) in alone.iter_mut().enumerate() {
                case.advance(subject, step..step + 1);
                let what = format_args!("{policy:?}: tensor {index} among others and alone, after step {}: ", step + 1);
                let tensor = index..index + 1;
                assert_same_bits(format_args!("{what}fast"), &together.weights()[tensor.clone()], &subject.weights());
                assert_same_bits(format_args!("{what}slow"), &together.slow()[tensor], &subject.slow());
            }
        }
    }
}

pub(crate) fn missing_gradients_do_not_stop_the_clock<S: Subject>(case: &Case) {
    let last = case.tensors.len() - 1;
    for policy in policies::<S>() {
        let setup = case.lookahead(policy);
        let (mut gaps, mut full) = (case.new_subject::<S>(&setup), case.new_subject::<S>(&setup));
        let phi_0 = gaps.weights();
        for step in 0..4 * case.k() {
            let fast = gaps.weights();
            let mut grads = case.gradients::<S>(step, &fast);
            // the last tensor has none at the first sync, and none in the whole of outer step 2
            if step == case.k() - 1 || step / case.k() == 2 {
                grads[last] = None;
            }
            gaps.step(case.lr(step), &grads);
            case.advance(&mut full, step..step + 1);
            let what = format!("{policy:?}: a tensor without some gradients, after step {}", step + 1);
            let others = format_args!("{what}: the other tensors");
            assert_same_bits(others, &gaps.weights()[..last], &full.weights()[..last]);
            if case.syncs_after(step) {
                let both = format_args!("{what}: fast and slow");
                assert_slow_beside_fast::<S>(both, &gaps.slow(), &gaps.weights());
            }
            if step == case.k() - 1 && !case.base.has_lookahead() {
                let expected = eq1(case.alpha.get(), &phi_0[last..], &fast[last..]);
                assert_close(&what, tolerance::<S>(4.0, 2.0), &gaps.slow()[last..], &expected);
            }
        }
    }
}

pub(crate) fn adaptive_alpha_is_one_for_all_tensors<S: Subject>(case: &Case) {
    let counter_pulls: Vec<f64> = (0..case.tensors.len()).map(|index| 0.05 * (index + 1) as f64).collect();
    let together = first_alpha::<S>(case, &counter_pulls);
    let alone = |index: usize| first_alpha::<S>(&case.alone(index), &counter_pulls[index..=index]);
    let alone: Vec<f64> = (0..case.tensors.len()).map(alone).collect();
    let differ = alone.iter().any(|alone| (alone - together).abs() > 0.005);
    assert!(differ, "a case that cannot tell: alphas {alone:?} alone, {together} together");
}

/// The alpha of the first sync, which must be the same for every element.
///
/// Gradients of 1 push all weights one way; in the last step each tensor is pulled back by a gradient of its own, so
/// that Prop. 1 would choose another alpha for each.
fn first_alpha<S: Subject>(case: &Case, counter_pulls: &[f64]) -> f64 {
    let adaptive = Adaptive::new().with_low(alpha(0.01));
    let config = case.config(InnerStatePolicy::Maintain).with_adaptive_alpha(adaptive);
    let never_ending = config.clone().with_sync_period(period(case.sync_period.get() * 100));
    let [mut subject, mut observer] =
        [config, never_ending].map(|config| case.new_subject::<S>(&case.base.inside(config)));
    let phi = subject.weights();
    for step in 0..case.k() {
        let last = step == case.k() - 1;
        let gradient = |(tensor, pull): (&Vec<f64>, &f64)| {
            Some(vec![if last { S::PRECISION.round(-pull) } else { 1.0 }; tensor.len()])
        };
        let grads: Vec<_> = phi.iter().zip(counter_pulls).map(gradient).collect();
        subject.step(case.lr(step), &grads);
        observer.step(case.lr(step), &grads);
    }
    let (theta, slow) = (observer.weights(), subject.slow());
    // the element that went farthest tells alpha best
    let elements = phi.iter().flatten().zip(theta.iter().flatten()).zip(slow.iter().flatten());
    let ways = elements.map(|((phi, theta), slow)| (theta - phi, slow - phi));
    let alpha = ways.max_by(|a, b| a.0.abs().total_cmp(&b.0.abs())).map_or(1.0, |(whole, part)| part / whole);
    let what = "the slow weights, and all moved by one alpha";
    assert_close(what, 64.0 * S::PRECISION.epsilon(), &slow, &eq1(alpha, &phi, &theta));
    alpha
}
