//! The family beside advice: what is compared, what is left out, and which outer steps in use diverge.

use lookahead::{InnerStatePolicy, OuterForm, SyncPeriod};
use lookahead_theory::family::{Budget, Diverging, Member, Name, Why, advise, at_the_same_final_loss, compare};
use lookahead_theory::{
    AdviceGrid, ConditionNumber, Error, Momentum, Noise, NoisyQuadratic, OuterCycle, OuterSystem, Spectrum,
};

fn problem(dim: usize, noise: &Noise) -> NoisyQuadratic {
    let spectrum = Spectrum::Log { dim, condition_number: ConditionNumber::THOUSAND };
    NoisyQuadratic::new(spectrum.eigenvalues().unwrap(), noise).unwrap()
}

fn grid(periods: &[u32]) -> AdviceGrid {
    let sync_periods = periods.iter().map(|&k| SyncPeriod::new(k).unwrap()).collect();
    AdviceGrid { sync_periods, ..AdviceGrid::default() }
}

const NINE: f64 = 0.9;

#[test]
fn it_is_what_the_comparisons_say() {
    let (problem, momentum) = (problem(4, &Noise::InverseCurvature), Momentum::new(NINE).unwrap());
    let grid = AdviceGrid { inner_state: InnerStatePolicy::Reset, ..grid(&[5]) };
    let budget = Budget { steps: grid.steps, losses: 1000, start: grid.start };
    let members: Vec<Member> =
        Member::all(momentum).into_iter().map(|member| member.with_inner_state(InnerStatePolicy::Reset)).collect();
    let found = advise(&problem, 0.3, momentum, &grid).unwrap();
    assert_eq!(found.tuned, compare(&problem, &members, &budget).unwrap());
    let same = at_the_same_final_loss(&problem, &members, &budget, 0.3, momentum).unwrap();
    assert!(same.is_some() && found.at_the_same_final_loss == same);
    assert!(found.left_out.is_empty());
}

#[test]
fn what_would_take_long_is_left_out() {
    let ask = |dim, steps| {
        let grid = AdviceGrid { steps, ..grid(&[5]) };
        advise(&problem(dim, &Noise::InverseCurvature), 0.3, Momentum::NONE, &grid).unwrap()
    };
    let long = ask(10, u64::MAX);
    let left_out: Vec<_> = long.left_out.iter().map(|left_out| (left_out.name, left_out.why)).collect();
    assert_eq!(left_out, [(Name::RunningMean, Why::TooMuchWork), (Name::ScheduleFree, Why::TooMuchWork)]);
    assert_eq!((long.tuned.len(), long.at_the_same_final_loss.unwrap().tuned.len()), (7, 7));
    let large = ask(251, 10);
    assert!(large.tuned.is_empty() && large.left_out.len() == 9 && large.at_the_same_final_loss.is_none());
    let noiseless = advise(&problem(3, &Noise::Constant(0.0)), 0.3, Momentum::NONE, &grid(&[5])).unwrap();
    assert!(noiseless.tuned.len() == 9 && noiseless.at_the_same_final_loss.is_none());
}

/// The matrices of each direction, one by one, say the same.
#[test]
fn outer_steps_that_diverge_are_named() {
    let periods = [1, 2, 5, 6, 7, 10, 100];
    let ask = |beta, inner_state| {
        let grid = AdviceGrid { inner_state, ..grid(&periods) };
        let found = advise(&problem(20, &Noise::InverseCurvature), 0.9, Momentum::new(beta).unwrap(), &grid);
        found.unwrap().diverging
    };
    let found = ask(NINE, InnerStatePolicy::Maintain);
    let diloco = found.iter().find(|diverging| diverging.source == "DiLoCo").unwrap();
    let diverges: Vec<u32> = diloco.largest_stable.iter().map(|(k, _)| k.get()).collect();
    assert_eq!(diverges, [1, 2, 5, 6]);
    // None but SlowMo is a heavy ball.
    assert!(found.iter().all(|one| (one.form == OuterForm::HeavyBall) == (one.source == "SlowMo")));
    for Diverging { source, form, rate, momentum, largest_stable } in &found {
        for k in periods {
            let cycle = OuterCycle { form: *form, ..OuterCycle::new(k, *rate, *momentum).unwrap() };
            let is_stable = |eta: f64| {
                let cycle = OuterCycle { rate: lookahead::OuterRate::new(eta).unwrap(), ..cycle };
                problem(20, &Noise::InverseCurvature).eigenvalues().as_slice().iter().all(|&curvature| {
                    OuterSystem::new(0.9, curvature, Momentum::new(NINE).unwrap(), &cycle).unwrap().is_stable()
                })
            };
            let largest = largest_stable.iter().find(|(period, _)| period.get() == k).map(|(_, largest)| *largest);
            assert_eq!(largest.is_some(), !is_stable(*rate), "{source} {k}");
            if let Some(largest) = largest.filter(|&largest| largest > 0.0) {
                assert!(largest < *rate && is_stable(0.999 * largest) && !is_stable(1.001 * largest), "{source} {k}");
            }
        }
    }
    assert_eq!(ask(0.0, InnerStatePolicy::Maintain), []);
}

#[test]
fn what_cannot_be_asked_is_refused() {
    let found = advise(&problem(3, &Noise::InverseCurvature), 2.0, Momentum::NONE, &grid(&[5]));
    assert!(matches!(found, Err(Error::OutOfRange { .. })));
}
