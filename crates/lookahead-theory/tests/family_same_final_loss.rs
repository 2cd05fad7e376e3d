//! The members of the family at the final loss of the inner optimizer alone.

use lookahead::{Alpha, InnerStatePolicy};
use lookahead_theory::family::{
    AtTheSameFinalLoss, Budget, LeftOut, Member, Name, Setting, Why, at_the_same_final_loss,
};
use lookahead_theory::{
    AdviceGrid, AverageDynamics, ConditionNumber, Cycle, Error, Moments, Momentum, Noise, NoisyQuadratic, OuterCycle,
    OuterDynamics, Spectrum, advise,
};

const BUDGET: Budget = Budget { steps: 200, losses: 1600, start: Moments { mean: 3.0, variance: 0.0 } };

fn problem(noise: &Noise) -> NoisyQuadratic {
    let spectrum = Spectrum::Log { dim: 2, condition_number: ConditionNumber::new(100.0).unwrap() };
    NoisyQuadratic::new(spectrum.eigenvalues().unwrap(), noise).unwrap()
}

fn alone(momentum: Momentum) -> Setting {
    Setting::Loop { momentum, cycle: OuterCycle::from(Cycle::inner_alone()) }
}

/// The loss after the steps and the final loss, of the public dynamics.
fn losses(problem: &NoisyQuadratic, setting: Setting, lr: f64) -> Option<[f64; 2]> {
    match setting {
        Setting::Loop { momentum, cycle } => {
            let dynamics = OuterDynamics::new(problem, lr, momentum, cycle).ok()?;
            let synced = BUDGET.steps / cycle.steps() * cycle.steps();
            Some([dynamics.loss_after(BUDGET.start, synced).ok()?, dynamics.final_loss().ok()?])
        }
        Setting::Average(average) => {
            let dynamics = AverageDynamics::new(problem, lr, average).ok()?;
            Some([dynamics.loss_after(BUDGET.start, BUDGET.steps).ok()?, dynamics.final_loss()])
        }
    }
}

fn matched(lr: f64, momentum: Momentum, members: &[Member]) -> AtTheSameFinalLoss {
    at_the_same_final_loss(&problem(&Noise::InverseCurvature), members, &BUDGET, lr, momentum).unwrap().unwrap()
}

#[test]
fn all_end_at_one_loss_and_none_tried_with_it_is_better() {
    let problem = problem(&Noise::InverseCurvature);
    for (lr, beta) in [(0.3, 0.0), (0.05, 0.9), (1e-6, 0.0)] {
        let momentum = Momentum::new(beta).unwrap();
        let members = Member::all(momentum);
        let [_, goal] = losses(&problem, alone(momentum), lr).unwrap();
        let found = matched(lr, momentum, &members);
        assert!((found.final_loss - goal).abs() <= 1e-14 * goal, "{} {goal}", found.final_loss);
        let never = [Name::RunningMean, Name::ScheduleFree].map(|name| LeftOut { name, why: Why::NeverAtRest });
        assert_eq!(found.left_out, never);
        for tuned in &found.tuned {
            let [loss, end] = losses(&problem, tuned.setting, tuned.lr).unwrap();
            assert!((loss - tuned.loss).abs() < 1e-12 * loss, "{tuned:?}: {loss}");
            assert!((end - goal).abs() < 1e-10 * goal, "{tuned:?}: {end}, not {goal}");
            assert!((tuned.final_loss.unwrap() - end).abs() < 1e-14 * end, "{tuned:?}: {end}");
        }
        let names: Vec<Name> = found.tuned.iter().map(|tuned| tuned.name).collect();
        let expected = [
            Name::InnerAlone,
            Name::Momentum,
            Name::Lookahead,
            Name::Nesterov,
            Name::HeavyBall,
            Name::Exponential,
            Name::Gpa,
        ];
        assert_eq!(names, expected);
        assert!((found.tuned[0].lr - lr).abs() < 1e-9 * lr, "{:?}", found.tuned[0]);

        // Settings whose learning rates pass the goal on a finer grid than the one searched.
        for (member, tuned) in members
            .iter()
            .filter_map(|member| Some((member, found.tuned.iter().find(|tuned| tuned.name == member.name)?)))
        {
            for &setting in &member.settings {
                let at = |i: i32| losses(&problem, setting, 200.0 * 0.94_f64.powi(i));
                for [before, here] in (0..450).filter_map(|i| Some([at(i)?, at(i + 1)?])) {
                    if (before[1] > goal) != (here[1] > goal) {
                        let about = before[0].max(here[0]);
                        assert!(tuned.loss <= about * 1.001, "{tuned:?}, but {setting:?} {about}");
                    }
                }
            }
        }
    }
}

/// Newton's method on the inner optimizer's closed form finds the other side of the same pair.
#[test]
fn advice_agrees() {
    let problem = problem(&Noise::InverseCurvature);
    let grid = AdviceGrid {
        sync_periods: Cycle::new(20, 0.35).map(|cycle| vec![cycle.sync_period]).unwrap(),
        alphas: vec![Alpha::new(0.35).unwrap()],
        steps: BUDGET.steps,
        start: BUDGET.start,
        ..AdviceGrid::default()
    };
    let advice = advise(&problem, 0.4, Momentum::NONE, &grid).unwrap();
    let pair = advice.same_final_loss.unwrap();
    let cycle = OuterCycle::from(Cycle::new(20, 0.35).unwrap());
    let settings = vec![Setting::Loop { momentum: Momentum::NONE, cycle }];
    let found = matched(pair.inner_lr, Momentum::NONE, &[Member { name: Name::Lookahead, settings }]);
    assert!((found.tuned[0].lr - 0.4).abs() < 1e-9, "{found:?}");
    assert!((found.tuned[0].loss - advice.best.loss).abs() < 1e-9 * advice.best.loss);
}

/// By the closed form, heavy-ball SGD at x = lr a ends like SGD at y with x (1 + beta) / ((1 - beta) (2 (1 + beta) - x))
/// = y / (2 - y): y = 0.5, beta = 0.5 give x / (3 - x) = 1 / 9.
#[test]
fn a_single_direction_by_hand() {
    let problem = NoisyQuadratic::new(Spectrum::Harmonic { dim: 1 }.eigenvalues().unwrap(), &Noise::Constant(2.0));
    let setting = alone(Momentum::new(0.5).unwrap());
    let members = [Member { name: Name::Momentum, settings: vec![setting] }];
    let found = at_the_same_final_loss(&problem.unwrap(), &members, &BUDGET, 0.5, Momentum::NONE).unwrap().unwrap();
    assert!((found.tuned[0].lr - 0.3).abs() < 1e-12, "{found:?}");
    // 1/2 (1/3 2 + 2)
    assert!((found.final_loss - 4.0 / 3.0).abs() < 1e-14);
}

#[test]
fn the_smallest_learning_rates_are_answered() {
    let problem = problem(&Noise::Constant(1.0));
    let members = [Member { name: Name::InnerAlone, settings: vec![alone(Momentum::NONE)] }];
    for lr in [1e-100, 1e-160, 1e-200, 1e-300] {
        let found = at_the_same_final_loss(&problem, &members, &BUDGET, lr, Momentum::NONE).unwrap().unwrap();
        assert!((found.tuned[0].lr - lr).abs() <= 1e-6 * lr, "{found:?}");
        let pair = advise(&problem, lr, Momentum::NONE, &AdviceGrid::default()).unwrap().same_final_loss.unwrap();
        // The first pair of equals, k = 1 and alpha = 0.1, is SGD at a tenth of the learning rate.
        assert!((pair.inner_lr - 0.1 * lr).abs() <= 1e-9 * lr, "{pair:?}");
    }
    // Subnormal, or with a final loss at the end of what a double holds: answered, or left out.
    for (lr, noise) in [(1e-310, 1.0), (5e-324, 1.0), (5e-324, 1e100), (1e-200, 1e90), (1e-300, 1e-90)] {
        let problem = self::problem(&Noise::Constant(noise));
        for momentum in [Momentum::NONE, Momentum::new(0.9).unwrap()] {
            at_the_same_final_loss(&problem, &Member::all(momentum), &BUDGET, lr, momentum).unwrap();
            advise(&problem, lr, momentum, &AdviceGrid::default()).unwrap();
        }
    }
}

#[test]
fn what_cannot_end_there_is_left_out() {
    let members: Vec<Member> =
        Member::all(Momentum::NONE).into_iter().filter(|member| member.name == Name::InnerAlone).collect();
    let near_limit = matched(1.99, Momentum::NONE, &members);
    assert!((near_limit.tuned[0].lr - 1.99).abs() < 1e-9);
    // 0.9999 of the limit is the last learning rate searched.
    let at_limit = matched(1.99999, Momentum::NONE, &members);
    assert_eq!(at_limit.left_out, [LeftOut { name: Name::InnerAlone, why: Why::NoLearningRate }]);
    assert!(at_limit.tuned.is_empty());
}

#[test]
fn without_noise_there_is_nothing_to_match() {
    let members = Member::all(Momentum::NONE);
    let found =
        at_the_same_final_loss(&problem(&Noise::Constant(0.0)), &members, &BUDGET, 0.3, Momentum::NONE).unwrap();
    assert_eq!(found, None);
}

#[test]
fn what_cannot_be_asked_is_refused() {
    let problem = problem(&Noise::InverseCurvature);
    let members = Member::all(Momentum::NONE);
    let ask = |budget: Budget, lr| at_the_same_final_loss(&problem, &members, &budget, lr, Momentum::NONE);
    assert!(matches!(ask(BUDGET, 2.0), Err(Error::OutOfRange { .. })));
    assert!(matches!(ask(BUDGET, f64::NAN), Err(Error::OutOfRange { .. })));
    assert!(matches!(ask(Budget { losses: 900, ..BUDGET }, 0.3), Err(Error::OutOfRange { .. })));
    assert!(matches!(ask(Budget { losses: 2_000_000, ..BUDGET }, 0.3), Err(Error::TooMuchWork { .. })));
}

#[test]
fn the_inner_state_of_the_loops_can_be_chosen() {
    let momentum = Momentum::new(0.9).unwrap();
    for member in Member::all(momentum) {
        let chosen = member.clone().with_inner_state(InnerStatePolicy::Reset);
        for (before, after) in member.settings.iter().zip(&chosen.settings) {
            match (before, after) {
                (Setting::Loop { .. }, Setting::Loop { momentum, cycle }) => {
                    // A reset after every step would take the inner optimizer its momentum.
                    let is_alone = matches!(member.name, Name::InnerAlone | Name::Momentum);
                    let expected = if is_alone { InnerStatePolicy::Maintain } else { InnerStatePolicy::Reset };
                    assert_eq!(cycle.inner_state, expected);
                    assert!(is_alone || *momentum == Momentum::new(0.9).unwrap());
                }
                _ => assert_eq!(before, after),
            }
        }
    }
}
