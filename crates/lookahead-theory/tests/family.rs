//! The members of the family, tuned on the same quadratic.

use lookahead_theory::family::{Budget, Member, Name, Setting, compare};
use lookahead_theory::{
    Average, AverageDynamics, ConditionNumber, Cycle, Error, Moments, Momentum, Noise, NoisyQuadratic, OuterCycle,
    OuterDynamics, Spectrum,
};

fn problem(dim: usize) -> NoisyQuadratic {
    let spectrum = Spectrum::Log { dim, condition_number: ConditionNumber::new(100.0).unwrap() };
    NoisyQuadratic::new(spectrum.eigenvalues().unwrap(), &Noise::InverseCurvature).unwrap()
}

const BUDGET: Budget = Budget { steps: 200, losses: 1600, start: Moments { mean: 3.0, variance: 0.0 } };

/// The loss of the public dynamics.
fn loss(problem: &NoisyQuadratic, setting: Setting, lr: f64) -> Option<f64> {
    match setting {
        Setting::Loop { momentum, cycle } => {
            let synced = BUDGET.steps / cycle.steps() * cycle.steps();
            OuterDynamics::new(problem, lr, momentum, cycle).ok()?.loss_after(BUDGET.start, synced).ok()
        }
        Setting::Average(average) => {
            AverageDynamics::new(problem, lr, average).ok()?.loss_after(BUDGET.start, BUDGET.steps).ok()
        }
    }
}

#[test]
fn no_setting_and_learning_rate_tried_is_better() {
    let (problem, members) = (problem(3), Member::all(Momentum::NONE));
    let tuned = compare(&problem, &members, &BUDGET).unwrap();
    assert_eq!(tuned.len(), 9);
    for (member, tuned) in members.iter().zip(&tuned) {
        assert_eq!(member.name, tuned.name);
        assert!(member.settings.len() == 20 || member.settings.len() == 1, "{:?}", member.name);
        assert!(member.settings.contains(&tuned.setting));
        let found = loss(&problem, tuned.setting, tuned.lr).unwrap();
        assert!((found - tuned.loss).abs() < 1e-12 * found, "{tuned:?} {found}");
        for &setting in &member.settings {
            for i in 0..40 {
                let lr = 200.0 * 0.7_f64.powi(i);
                if let Some(other) = loss(&problem, setting, lr) {
                    assert!(other >= tuned.loss * (1.0 - 1e-6), "{other} at {lr}: {setting:?}, but {tuned:?}");
                }
            }
        }
    }
}

/// What is left above the least loss: on this model averages leave least, and outer momentum leaves less than
/// Lookahead, which leaves less than SGD with any momentum.
#[test]
fn what_each_member_leaves() {
    let tuned = compare(&problem(20), &Member::all(Momentum::NONE), &BUDGET).unwrap();
    let expected = [
        (Name::ScheduleFree, 0.053),
        (Name::RunningMean, 0.058),
        (Name::Exponential, 0.090),
        (Name::Gpa, 0.127),
        (Name::Nesterov, 0.285),
        (Name::Lookahead, 0.306),
        (Name::HeavyBall, 0.319),
        (Name::Momentum, 0.341),
        (Name::InnerAlone, 0.353),
    ];
    for (name, expected) in expected {
        let found = tuned.iter().find(|tuned| tuned.name == name).unwrap().above_least;
        assert!((found - expected).abs() < 0.001, "{name:?} {found}");
    }
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let member = |settings| [Member { name: Name::Lookahead, settings }];
    let cycle = OuterCycle::from(Cycle::default());
    let setting = Setting::Loop { momentum: Momentum::NONE, cycle };
    let ask = |settings, budget: Budget| compare(&problem(2), &member(settings), &budget);
    assert!(matches!(ask(vec![], BUDGET), Err(Error::Empty { .. })));
    let error = ask(vec![setting; 40], BUDGET).unwrap_err().to_string();
    assert_eq!(error, "the number of losses for each setting is 40, but must be at least 50");
    assert!(matches!(ask(vec![setting], Budget { losses: 2_000_000, ..BUDGET }), Err(Error::TooMuchWork { .. })));
    let mean = Setting::Average(Average::running());
    assert!(matches!(ask(vec![mean], Budget { steps: 10_000_000, ..BUDGET }), Err(Error::TooMuchWork { .. })));
    assert!(ask(vec![setting], Budget { steps: 10_000_000, ..BUDGET }).is_ok());
    assert!(ask(vec![setting], Budget { start: Moments::at(f64::NAN), ..BUDGET }).is_err());
}
