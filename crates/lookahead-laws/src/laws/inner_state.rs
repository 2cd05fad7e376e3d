//! What a sync does to the inner optimizer's memory (Sec. 2, App. C.5).

use lookahead::{InnerStatePolicy, LookaheadConfig, StepSize};

use crate::case::{changing, policies};
use crate::compare::{assert_close, assert_same_bits};
use crate::laws::{eq1, tensors_at};
use crate::{Case, Setup, Subject};

pub(crate) fn reset_is_a_fresh_inner_optimizer<S: Subject>(case: &Case) {
    for outer in 1..4 {
        let begin = outer * case.k();
        let mut subject = case.new_subject::<S>(&case.lookahead(InnerStatePolicy::Reset));
        case.advance(&mut subject, 0..begin);
        let mut fresh = S::new(&case.base, &tensors_at(case, &subject.weights()));
        for step in begin..begin + case.k() - 1 {
            case.advance(&mut subject, step..step + 1);
            case.advance(&mut fresh, step..step + 1);
            let what = format_args!("a fresh inner optimizer at phi_{outer}, after step {}", step + 1);
            assert_same_bits(what, &subject.weights(), &fresh.weights());
        }
    }
}

pub(crate) fn momentum_interpolates<S: Subject>(case: &Case) {
    let policy = InnerStatePolicy::Interpolate;
    if let Some(inside) = case.base.lookaheads.first() {
        return momentum_interpolates_inside::<S>(case, inside);
    }
    let mut anchor: Vec<Vec<f64>> = case.tensors.iter().map(|tensor| vec![0.0; tensor.values.len()]).collect();
    for outer in 0..3 {
        let steps = (outer + 1) * case.k();
        let before = momentum::<S>(case, &case.never_ending(policy, outer), steps);
        let after = momentum::<S>(case, &case.lookahead(policy), steps);
        // v <- anchor + alpha (v - anchor), the anchor being v after the last sync, and 0 before the first
        let expected = eq1(case.alpha.get(), &anchor, &before);
        let what = format_args!("the velocity after outer step {outer}");
        assert_close(what, 64.0 * S::PRECISION.epsilon(), &after, &expected);
        anchor = after;
    }
}

/// The first sync of a Lookahead inside after a sync of the outer one: its anchor is what the outer one has left.
fn momentum_interpolates_inside<S: Subject>(case: &Case, inside: &LookaheadConfig) {
    let StepSize::Fixed(alphas) = inside.step_size() else { panic!("the bases have a fixed alpha") };
    let period = inside.sync_period().at(0);
    let cycles = case.k() / u64::from(period.get());
    // the same but that the inner cycle after the outer sync does not end before the next outer sync
    let longer = changing(period, [(cycles, case.sync_period)]);
    let without = Setup::bare(case.base.rule).inside(inside.clone().with_sync_period(longer));
    let around = case.config(InnerStatePolicy::Interpolate);
    let (setup, without) = (case.base.inside(around.clone()), without.inside(around));

    let steps = case.k() + u64::from(period.get());
    let anchor = momentum::<S>(case, &setup, case.k());
    let before = momentum::<S>(case, &without, steps);
    let expected = eq1(alphas.at(cycles).get(), &anchor, &before);
    let what = "the velocity after the first inner sync that follows an outer one";
    assert_close(what, 64.0 * S::PRECISION.epsilon(), &momentum::<S>(case, &setup, steps), &expected);
}

/// The velocity (times mu) after some steps: how far the weights roll when the gradient is gone.
fn momentum<S: Subject>(case: &Case, setup: &Setup, steps: u64) -> Vec<Vec<f64>> {
    let mut subject = case.new_subject::<S>(setup);
    case.advance(&mut subject, 0..steps);
    let before = subject.weights();
    let zeros: Vec<_> = before.iter().map(|tensor| Some(vec![0.0; tensor.len()])).collect();
    subject.step(1.0, &zeros);
    let roll = |(before, after): (&Vec<f64>, &Vec<f64>)| before.iter().zip(after).map(|(a, b)| a - b).collect();
    before.iter().zip(&subject.weights()).map(roll).collect()
}

pub(crate) fn bias_correction_follows_the_moments<S: Subject>(case: &Case) {
    let lr = 0.0625;
    let tolerance = lr * (1e-7 + 1e4 * S::PRECISION.epsilon());
    for policy in policies::<S>() {
        let mut subject = case.new_subject::<S>(&case.lookahead(policy));
        // constant gradients of both signs and several sizes
        let grads: Vec<Option<Vec<f64>>> = case
            .tensors
            .iter()
            .map(|tensor| Some((0..tensor.values.len()).map(|i| [1.0, -0.5, 2.0][i % 3]).collect()))
            .collect();
        for step in 0..20 * case.k() {
            let before = subject.weights();
            subject.step(lr, &grads);
            if !case.syncs_after(step) {
                let expected: Vec<Vec<f64>> = before
                    .iter()
                    .zip(&grads)
                    .map(|(before, g)| {
                        before.iter().zip(g.iter().flatten()).map(|(w, g)| w - lr * g.signum()).collect()
                    })
                    .collect();
                let what = format_args!("{policy:?}: step {} on a constant gradient is gamma long", step + 1);
                assert_close(what, tolerance, &subject.weights(), &expected);
            }
        }
    }
}
