//! Saving, loading and looking on.

use lookahead::{Adaptive, CurvaturePower, InnerStatePolicy};

use crate::case::{alpha, policies};
use crate::compare::assert_same_bits;
use crate::{Case, Setup, Subject};

pub(crate) fn a_saved_run_goes_on_with_the_same_bits<S: Subject>(case: &Case) {
    for policy in policies::<S>() {
        assert_resumes::<S>(&format!("{policy:?}"), case, &case.lookahead(policy));
        assert_resumes::<S>(&format!("{policy:?}, with schedules"), case, &case.scheduled(policy));
    }
}

pub(crate) fn a_saved_run_with_adaptive_alpha_goes_on<S: Subject>(case: &Case) {
    for curvature in [CurvaturePower::SecondMoment, CurvaturePower::Root] {
        let adaptive = Adaptive::new().with_low(alpha(0.01)).with_curvature(curvature);
        let setup = case.base.inside(case.config(InnerStatePolicy::Maintain).with_adaptive_alpha(adaptive));
        assert_resumes::<S>(&format!("adaptive, {curvature:?}"), case, &setup);
    }
}

fn assert_resumes<S: Subject>(what: &str, case: &Case, setup: &Setup) {
    for saved in (0..2 * case.k()).step_by(S::limits().moments_apart) {
        let mut subject = case.new_subject::<S>(setup);
        case.advance(&mut subject, 0..saved);
        let mut loaded = case.reload(setup, &subject);
        for step in saved..=saved + 2 * case.k() {
            let what = format!("{what}: saved after step {saved}, compared after step {step}");
            assert_same_bits(format_args!("{what}: weights"), &loaded.weights(), &subject.weights());
            assert_same_bits(format_args!("{what}: slow weights"), &loaded.slow(), &subject.slow());
            case.advance(&mut subject, step..step + 1);
            case.advance(&mut loaded, step..step + 1);
        }
    }
}

pub(crate) fn looking_on_changes_nothing<S: Subject>(case: &Case) {
    for policy in policies::<S>() {
        let setup = case.lookahead(policy);
        let (mut watched, mut left_alone) = (case.new_subject::<S>(&setup), case.new_subject::<S>(&setup));
        for step in 0..3 * case.k() {
            watched.evaluate();
            let _bytes = watched.save();
            let what = format_args!("{policy:?}: evaluated and saved after each step up to {step}");
            assert_same_bits(what, &watched.weights(), &left_alone.weights());
            assert_same_bits(what, &watched.slow(), &left_alone.slow());
            case.advance(&mut watched, step..step + 1);
            case.advance(&mut left_alone, step..step + 1);
        }
    }
}
