//! Tensors that join, stop, are frozen, replaced or cloned in mid-run, and a save at every step around it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::case::policies;
use crate::compare::{assert_close, assert_same_bits, assert_slow_beside_fast};
use crate::laws::script::{Event, Run, Script, resumes_everywhere};
use crate::laws::sync::late;
use crate::laws::{eq1, tolerance};
use crate::{Case, Subject, Tensor};

pub(crate) fn tensors_that_stop_are_synced_once<S: Subject>(case: &Case) {
    for policy in policies::<S>() {
        for stop in 1..case.k() {
            let what = format!("{policy:?}: a tensor without gradients after step {stop}");
            let (setup, script) =
                (case.lookahead(policy), Script { gaps: vec![(0, stop..u64::MAX)], ..Script::default() });
            let mut run = Run::<S>::new(case, &setup, &script);
            let phi_0 = run.subject.weights();
            (0..stop).for_each(|step| run.step(step));
            let theta = run.subject.weights();
            (stop..case.k()).for_each(|step| run.step(step));
            let [fast, slow] = [run.subject.weights(), run.subject.slow()];
            assert_slow_beside_fast::<S>(format_args!("{what}: fast and slow at the sync"), &slow, &fast);
            if !case.base.has_lookahead() {
                let expected = eq1(case.alpha.get(), &phi_0[..1], &theta[..1]);
                assert_close(&what, tolerance::<S>(4.0, 2.0), &slow[..1], &expected);
            }
            for step in case.k()..3 * case.k() {
                run.step(step);
                let what = format_args!("{what}: after step {}: ", step + 1);
                assert_same_bits(format_args!("{what}fast"), &run.subject.weights()[..1], &fast[..1]);
                assert_same_bits(format_args!("{what}slow"), &run.subject.slow()[..1], &slow[..1]);
            }
        }
    }
}

pub(crate) fn a_saved_run_goes_on_through_joins_and_gaps<S: Subject>(case: &Case) {
    let (k, last) = (case.k(), case.tensors.len() - 1);
    // one tensor joins in the second cycle; one has its first gradient only then, one has none from the middle of the
    // first cycle to that of the third
    let script =
        Script { events: vec![(k + 1, Event::Join(late::<S>()))], gaps: vec![(0, 0..k + 2), (last, k / 2..2 * k + 1)] };
    for policy in policies::<S>() {
        resumes_everywhere::<S>(&format!("{policy:?}"), case, &case.lookahead(policy), &script);
        resumes_everywhere::<S>(&format!("{policy:?}, with schedules"), case, &case.scheduled(policy), &script);
    }
}

pub(crate) fn freezing_holds_every_bit<S: Subject>(case: &Case) {
    for policy in policies::<S>() {
        let setup = case.lookahead(policy);
        for frozen in (0..case.k()).step_by(S::limits().moments_apart) {
            for thawed in [frozen + 1, frozen + case.k() + 1] {
                let events = vec![(frozen, Event::Freeze(0)), (thawed, Event::Thaw(0))];
                let script = Script { events, ..Script::default() };
                let what = format!("{policy:?}: frozen before step {frozen}, trained again before step {thawed}");
                let (mut run, mut left_alone) = (Run::<S>::new(case, &setup, &script), case.new_subject::<S>(&setup));
                for step in 0..thawed + 2 * case.k() {
                    let before = run.subject.weights();
                    if !run.prepare(step) {
                        return println!("nothing is frozen here");
                    }
                    run.step(step);
                    case.advance(&mut left_alone, step..step + 1);
                    let (fast, what) = (run.subject.weights(), format!("{what}: after step {}", step + 1));
                    if (frozen..thawed).contains(&step) {
                        assert_same_bits(format_args!("{what}: the frozen tensor"), &fast[..1], &before[..1]);
                    }
                    if case.syncs_after(step) {
                        assert_slow_beside_fast::<S>(format_args!("{what}: fast and slow"), &run.subject.slow(), &fast);
                    }
                    assert_same_bits(format_args!("{what}: the others"), &fast[1..], &left_alone.weights()[1..]);
                }
                resumes_everywhere::<S>(&what, case, &setup, &script);
            }
        }
    }
}

pub(crate) fn replaced_tensors_start_afresh<S: Subject>(case: &Case) {
    let old = &case.tensors[0];
    let values = old.values.iter().map(|value| S::PRECISION.round(0.75 - value)).collect();
    let new = Tensor { values, ..old.clone() };
    let alone = Case { tensors: vec![new.clone()], ..case.clone() };
    for policy in policies::<S>() {
        let setup = case.lookahead(policy);
        for at in (case.k()..2 * case.k()).step_by(S::limits().moments_apart) {
            let what = format!("{policy:?}: replaced before step {at}");
            let script = Script { events: vec![(at, Event::Replace(0, new.clone()))], ..Script::default() };
            let (mut run, mut left_alone) = (Run::<S>::new(case, &setup, &script), case.new_subject::<S>(&setup));
            let mut inner = alone.new_subject::<S>(&case.base);
            for step in 0..2 * case.k() {
                if !run.prepare(step) {
                    return println!("a tensor is its name, shape and place here");
                }
                run.step(step);
                case.advance(&mut left_alone, step..step + 1);
                if step >= at {
                    alone.advance(&mut inner, step..step + 1);
                }
                let what = format_args!("{what}: the others after step {}", step + 1);
                assert_same_bits(what, &run.subject.weights()[1..], &left_alone.weights()[1..]);
            }
            assert_slow_beside_fast::<S>(&what, &run.subject.slow(), &run.subject.weights());
            if !case.base.has_lookahead() {
                // Eq. 1 from its value when it came
                let expected = eq1(case.alpha.get(), std::slice::from_ref(&new.values), &inner.weights());
                assert_close(&what, tolerance::<S>(4.0, 2.0), &run.subject.slow()[..1], &expected);
            }
            resumes_everywhere::<S>(&what, case, &setup, &script);
        }
    }
}

pub(crate) fn twins_stay_one_or_are_refused<S: Subject>(case: &Case) {
    let (of, twin) = (0, case.tensors.len());
    for policy in policies::<S>() {
        let setup = case.lookahead(policy);
        let step = |subject: &mut S, step: u64| {
            let mut grads = case.gradients::<S>(step, &subject.weights()[..twin]);
            // its gradient is the other's
            grads.push(None);
            subject.step(case.lr(step), &grads);
        };
        let first = catch_unwind(AssertUnwindSafe(|| {
            let mut subject = S::with_twin(&setup, &case.tensors, of, None)?;
            step(&mut subject, 0);
            Some(subject)
        }));
        let mut subject = match first {
            Err(_) => return println!("twins are refused at the first step"),
            Ok(None) => return println!("a tensor has no identity here"),
            Ok(Some(subject)) => subject,
        };
        let mut without = case.new_subject::<S>(&setup);
        case.advance(&mut without, 0..1);
        for next in 1..=3 * case.k() {
            let what = format!("{policy:?}: a tensor and its twin after step {next}");
            let bytes = subject.save();
            let blank: Vec<Tensor> = case.tensors.iter().map(Tensor::blank).collect();
            let loaded = S::with_twin(&setup, &blank, of, Some(&bytes)).expect("it has had a twin before");
            for (what, weights, loaded, without) in [
                (format!("{what}: fast"), subject.weights(), loaded.weights(), without.weights()),
                (format!("{what}: slow"), subject.slow(), loaded.slow(), without.slow()),
            ] {
                assert_same_bits(format_args!("{what}: one tensor"), &weights[twin..], &weights[of..=of]);
                assert_same_bits(format_args!("{what}: as without it"), &weights[..twin], &without);
                assert_same_bits(format_args!("{what}: loaded"), &loaded, &weights);
            }
            subject = loaded;
            step(&mut subject, next);
            case.advance(&mut without, next..next + 1);
        }
    }
}
