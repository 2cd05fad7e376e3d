//! Nothing that is not finite ever reaches the slow weights.

use lookahead::LookaheadConfig;

use crate::case::{alpha, period, policies};
use crate::compare::{assert_close, assert_finite, assert_same_bits, assert_slow_beside_fast};
use crate::laws::{tensors_at, tolerance};
use crate::{Case, Subject, Tensor};

pub(crate) fn non_finite_gradients_never_reach_the_slow_weights<S: Subject>(case: &Case) {
    let Some(tensor) = case.tensors.iter().position(|tensor| !tensor.values.is_empty()) else { return };
    let element = case.tensors[tensor].values.len() - 1;
    for policy in policies::<S>() {
        for (poison, at) in [(f64::NAN, case.k() - 1), (f64::INFINITY, 0), (f64::NEG_INFINITY, case.k() / 2)] {
            let what = format!("{policy:?}: a gradient of {poison} in step {} of a cycle", at + 1);
            let mut subject = case.new_subject::<S>(&case.lookahead(policy));
            case.advance(&mut subject, 0..case.k());
            let phi = subject.slow();
            for step in case.k()..2 * case.k() {
                let mut grads = case.gradients::<S>(step, &subject.weights());
                if let (true, Some(gradient)) = (step == case.k() + at, &mut grads[tensor]) {
                    gradient[element] = poison;
                }
                subject.step(case.lr(step), &grads);
                if case.base.below.as_ref().is_some_and(|below| ends_a_cycle(below, step)) {
                    assert_finite(
                        format_args!("{what}: weights after the sync below in step {step}"),
                        &subject.weights(),
                    );
                }
            }
            let slow = subject.slow();
            assert_finite(format_args!("{what}: slow weights"), &slow);
            assert_slow_beside_fast::<S>(format_args!("{what}: fast and slow"), &slow, &subject.weights());
            for (index, (old, new)) in phi.iter().zip(&slow).enumerate() {
                for (i, (old, new)) in old.iter().zip(new).enumerate() {
                    if (index, i) == (tensor, element) {
                        let kept = old.to_bits() == new.to_bits() || case.base.has_lookahead();
                        assert!(kept, "{what}: its slow weight went from {old} to {new}");
                    } else if case.base.rule.is_elementwise() || index != tensor {
                        assert_ne!(old, new, "{what}: tensor {index}, element {i} did not move");
                    }
                }
            }
            // the inner state is reset in this sync or a later one
            let looked = S::limits().syncs_between_looks.max(2);
            for sync in 2..looked {
                case.advance(&mut subject, sync * case.k()..(sync + 1) * case.k());
                assert_finite(format_args!("{what}: slow weights after sync {}", sync + 1), &subject.slow());
            }
            assert_goes_on::<S>(&what, case, tensor, subject, looked * case.k());
        }
    }
}

/// Whether a Lookahead without a schedule syncs after a step, counted from 0.
fn ends_a_cycle(config: &LookaheadConfig, step: u64) -> bool {
    (step + 1).is_multiple_of(config.sync_period().at(0).get().into())
}

/// The tensor goes on as with a fresh inner optimizer, and all its weights move again.
fn assert_goes_on<S: Subject>(what: &str, case: &Case, tensor: usize, mut subject: S, begin: u64) {
    let phi = subject.slow();
    let mut fresh = S::new(&case.base, &tensors_at(case, &subject.weights()));
    let end = begin + case.k() - 1;
    for step in begin..end {
        case.advance(&mut subject, step..step + 1);
        case.advance(&mut fresh, step..step + 1);
        let (fast, fresh) = (subject.weights(), fresh.weights());
        assert_finite(format_args!("{what}: weights after step {}", step + 1), &fast);
        if !case.base.has_lookahead() {
            let what = format_args!("{what}: a fresh inner optimizer at phi, after step {}", step + 1);
            assert_same_bits(what, &fast[tensor..=tensor], &fresh[tensor..=tensor]);
        }
    }
    case.advance(&mut subject, end..end + 1);
    for (old, new) in phi[tensor].iter().zip(&subject.slow()[tensor]) {
        assert!(old != new && new.is_finite(), "{what}: a cycle later a slow weight went from {old} to {new}");
    }
}

pub(crate) fn overflow_never_reaches_the_slow_weights<S: Subject>(case: &Case) {
    let large = S::PRECISION.round(S::PRECISION.largest() * 0.75);
    let tensor = Tensor::new("large", &[2], vec![large, 1.0]);
    let config = LookaheadConfig::new().with_sync_period(period(2)).with_alpha(alpha(0.5));
    let mut subject = S::new(&case.base.inside(config), &[tensor]);
    let kept = subject.slow()[0][0];
    for gradient in [[large, 0.25], [large, 0.25], [0.0, 0.25], [0.0, 0.25]] {
        subject.step(1.0, &[Some(gradient.to_vec())]);
    }
    // Twice theta = phi - 2 g: the first element's phi - theta is no finite number though phi and theta = -phi are.
    let (what, slow) = ("weights with an overflow in one element", subject.slow());
    assert!(kept.is_finite() && slow[0][0] == kept, "slow {what}: {slow:?}, the first began at {kept:e}");
    assert_close(format_args!("slow {what}"), tolerance::<S>(0.0, 4.0), &[vec![slow[0][1]]], &[vec![0.5]]);
    assert_slow_beside_fast::<S>(format_args!("slow and fast {what}"), &slow, &subject.weights());
}
