//! Advice beside brute force over learning rate, k and alpha, stepped; and what it says of edges and of fairness.

use lookahead::{Alpha, InnerStatePolicy, SyncPeriod};
use lookahead_theory::{
    Advice, AdviceGrid, Choice, ConditionNumber, Cycle, Dynamics, End, Error, Moments, Momentum, Noise, NoisyQuadratic,
    Parameter, Recursion, Spectrum, advise,
};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

fn problem(spectrum: Spectrum, noise: &Noise) -> NoisyQuadratic {
    NoisyQuadratic::new(spectrum.eigenvalues().unwrap(), noise).unwrap()
}

fn chebyshev() -> NoisyQuadratic {
    let condition_number = ConditionNumber::THOUSAND;
    problem(Spectrum::Chebyshev { dim: 100, condition_number }, &Noise::InverseCurvature)
}

fn grid(periods: &[u32], alphas: &[f64], steps: u64) -> AdviceGrid {
    AdviceGrid {
        sync_periods: periods.iter().map(|&k| SyncPeriod::new(k).unwrap()).collect(),
        alphas: alphas.iter().map(|&alpha| Alpha::new(alpha).unwrap()).collect(),
        steps,
        ..AdviceGrid::default()
    }
}

/// The slow weights' loss after the steps, one step after another.
fn stepped(problem: &NoisyQuadratic, lr: f64, momentum: Momentum, cycle: Cycle, grid: &AdviceGrid) -> f64 {
    let mut recursion = Recursion::new(problem, lr.into(), momentum, cycle, grid.start).unwrap();
    recursion.run(grid.steps);
    recursion.slow_loss()
}

#[test]
fn no_learning_rate_k_and_alpha_of_a_dense_grid_are_better() {
    let problem = problem(Spectrum::Harmonic { dim: 6 }, &Noise::InverseCurvature);
    for (beta, inner_state) in
        [(0.0, InnerStatePolicy::Maintain), (0.9, InnerStatePolicy::Maintain), (0.9, InnerStatePolicy::Reset)]
    {
        let momentum = Momentum::new(beta).unwrap();
        let grid = AdviceGrid { inner_state, ..grid(&[1, 3, 10], &[0.2, 0.5, 1.0], 60) };
        let limit = momentum.lr_limit(1.0);
        let rates: Vec<f64> = (1..400).map(|i| limit * 10_f64.powf(-5.0 * f64::from(i) / 400.0)).collect();
        let least_by_force = |cycle: Cycle| {
            rates.iter().map(|&lr| stepped(&problem, lr, momentum, cycle, &grid)).fold(f64::INFINITY, f64::min)
        };
        let advice = advise(&problem, 0.1, momentum, &grid).unwrap();
        let least = problem.least_loss();
        let mut overall = f64::INFINITY;
        for tuned in &advice.tuned {
            let cycle = Cycle { sync_period: tuned.point.sync_period, alpha: tuned.point.alpha, inner_state };
            let (found, forced) = (tuned.point.loss, least_by_force(cycle));
            overall = overall.min(forced);
            assert!(found <= forced + 1e-9 * (forced - least), "{beta} {tuned:?}: {forced}");
            // The dense grid is not exact either: two neighbours are 3 % apart.
            assert!(found >= least + 0.98 * (forced - least), "{beta} {tuned:?}: {forced}");
            let again = stepped(&problem, tuned.lr, momentum, cycle, &grid);
            assert!((found - again).abs() < 1e-9 * again, "{tuned:?} {again}");
        }
        assert!(advice.best_tuned.point.loss <= overall + 1e-9 * (overall - least), "{beta} {overall}");
        let inner = least_by_force(Cycle::inner_alone());
        assert!(advice.inner_tuned.point.loss <= inner + 1e-9 * (inner - least), "{beta} {inner}");
        let gain = 1.0 - (advice.best_tuned.point.loss - least) / (advice.inner_tuned.point.loss - least);
        assert!((advice.gain - gain).abs() < 1e-6, "{} {gain}", advice.gain);
        assert_eq!(advice.pays, gain > 0.01);
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 24, rng_seed: RngSeed::Fixed(2019), failure_persistence: None, ..ProptestConfig::default()
    })]

    #[test]
    fn no_learning_rate_tried_is_better(
        directions in prop::collection::vec((1e-2..1.0_f64, 0.0..2.0_f64), 1..4), beta in prop_oneof![Just(0.0), 0.0..0.98],
        k in 1..40_u32, alpha in 0.05..1.0_f64, steps in 1..2000_u64, parts in prop::collection::vec(1e-4..0.999_f64, 300),
    ) {
        let (eigenvalues, variances) = directions.into_iter().unzip();
        let eigenvalues = lookahead_theory::Eigenvalues::new(eigenvalues).unwrap();
        let problem = NoisyQuadratic::new(eigenvalues, &Noise::Listed(variances)).unwrap();
        let momentum = Momentum::new(beta).unwrap();
        let grid = grid(&[k], &[alpha], steps);
        let limit = momentum.lr_limit(problem.eigenvalues().largest());
        let advice = advise(&problem, 0.3 * limit, momentum, &grid).unwrap();
        let least = problem.least_loss();
        for (cycle, found) in [
            (Cycle::new(k, alpha).unwrap(), advice.best_tuned),
            (Cycle::inner_alone(), advice.inner_tuned),
        ] {
            for part in &parts {
                let Ok(dynamics) = Dynamics::new(&problem, part * limit, momentum, cycle) else { continue };
                let Ok(loss) = dynamics.loss_after(Moments::at(1.0), steps - steps % cycle.steps()) else { continue };
                let distance = found.point.loss - least;
                prop_assert!(distance <= 1.02 * (loss - least) + 1e-12, "{found:?}, but {loss} at {part} of the limit");
            }
        }
    }
}

#[test]
fn the_same_learning_rate_is_not_the_only_comparison() {
    let momentum = Momentum::new(0.9).unwrap();
    let advice = advise(&chebyshev(), 0.1, momentum, &AdviceGrid::default()).unwrap();
    // At the given rate Lookahead looks far better …
    assert!((advice.best.loss - 50.37).abs() < 0.01 && (advice.inner_alone.loss - 62.77).abs() < 0.01);
    // … but so is the inner optimizer alone: by brute force it has 50.28 at 0.0015 and 0.015.
    let problem = chebyshev();
    let alone = |lr| {
        let inner = Dynamics::new(&problem, lr, momentum, Cycle::inner_alone()).unwrap();
        inner.loss_after(Moments::at(1.0), 1000).unwrap()
    };
    assert!(advice.inner_tuned.point.loss <= alone(0.0015).min(alone(0.015)));
    assert!(advice.inner_tuned.point.loss < advice.best.loss);
    // The same final loss: as in Fig. 3, both ends at it.
    let same = advice.same_final_loss.unwrap();
    let inner = Dynamics::new(&problem, same.inner_lr, momentum, Cycle::inner_alone()).unwrap();
    assert!((inner.final_loss().unwrap() / same.final_loss - 1.0).abs() < 1e-10);
    assert!((same.final_loss / advice.best.final_loss.unwrap() - 1.0).abs() < 1e-12);
    assert!((same.final_loss + same.lookahead_excess - advice.best.loss).abs() < 1e-9);
    assert!((same.final_loss + same.inner_excess - alone(same.inner_lr)).abs() < 1e-9);
}

#[test]
fn alpha_one_is_the_inner_optimizer_and_does_not_pay() {
    for beta in [0.0, 0.9] {
        let advice = advise(&chebyshev(), 0.1, Momentum::new(beta).unwrap(), &grid(&[5, 20], &[1.0], 1000)).unwrap();
        assert!(!advice.pays && advice.gain.abs() < 1e-3, "{}", advice.gain);
    }
}

/// With k = 1 Lookahead is SGD at alpha times the learning rate: what one step gains by it is rounding.
#[test]
fn rounding_is_no_gain() {
    let advice = advise(&chebyshev(), 0.5, Momentum::NONE, &grid(&[1], &[0.5, 1.0], 1)).unwrap();
    assert_eq!((advice.gain, advice.pays), (0.0, false));
}

#[test]
fn lookahead_pays_where_momentum_oscillates_without_noise() {
    let momentum = Momentum::new(0.99).unwrap();
    let condition_number = ConditionNumber::new(100.0).unwrap();
    let problem = problem(Spectrum::Log { dim: 2, condition_number }, &Noise::Constant(0.0));
    let advice = advise(&problem, 0.1, momentum, &grid(&[5, 10, 20], &[0.3, 0.5, 0.7], 200)).unwrap();
    assert!(advice.pays && advice.gain > 0.9, "{}", advice.gain);
    assert_eq!(advice.same_final_loss, None);
}

fn edges(advice: &Advice, of: Choice) -> Vec<(Parameter, f64, End)> {
    let edges = advice.edges.iter().filter(|edge| edge.of == of);
    edges.map(|edge| (edge.parameter, edge.value, edge.end)).collect()
}

#[test]
fn a_best_value_at_an_edge_is_said_to_be_there() {
    let advise = |grid: &AdviceGrid| advise(&chebyshev(), 0.5, Momentum::NONE, grid).unwrap();
    // In the long run the smallest alpha and the largest k are best, whatever the list.
    let expected = [(Parameter::SyncPeriod, 10.0, End::Largest), (Parameter::Alpha, 0.2, End::Smallest)];
    assert_eq!(edges(&advise(&grid(&[2, 5, 10], &[0.2, 0.5], 1000)), Choice::BestFinal), expected);
    // Nothing lies beyond k = 1 and alpha = 1, and a list of one value has no edge.
    let slow = lookahead_theory::advise(&chebyshev(), 0.01, Momentum::NONE, &grid(&[1, 2], &[0.5, 1.0], 10));
    let early = slow.unwrap();
    assert_eq!((early.best.sync_period.get(), early.best.alpha.get()), (1, 1.0));
    assert_eq!(edges(&early, Choice::Best), []);
    assert_eq!(edges(&advise(&grid(&[5], &[0.5], 1000)), Choice::BestFinal), []);
    // A start at the optimum is best left alone: the smaller the learning rate, the better.
    let at_optimum = AdviceGrid { start: Moments::at(0.0), ..grid(&[5], &[0.5], 1000) };
    let advice = advise(&at_optimum);
    let [(Parameter::LearningRate, lr, End::Smallest)] = edges(&advice, Choice::InnerTuned)[..] else {
        panic!("{:?}", advice.edges)
    };
    assert!(lr >= advice.searched[0] && lr < 1.3 * advice.searched[0]);
}

#[test]
fn too_much_to_compare_is_refused() {
    let many: Vec<u32> = (1..=101).collect();
    let error = advise(&chebyshev(), 0.5, Momentum::NONE, &grid(&many, &[0.1; 10], 10)).unwrap_err();
    assert!(matches!(error, Error::TooMuchWork { size: 1010, most: 1000, .. }), "{error}");
    let large = problem(Spectrum::Harmonic { dim: 10_000 }, &Noise::InverseCurvature);
    let error = advise(&large, 0.5, Momentum::NONE, &AdviceGrid::default()).unwrap_err().to_string();
    assert!(
        error.starts_with("the number of eigenvalues times pairs of k and alpha is 700000, but must be"),
        "{error}"
    );
}

/// Where nothing is nearer to the optimum than the start, standing still is as good, and no sync at all is no merit.
#[test]
fn what_does_not_move_does_not_pay() {
    let harmonic = |noise: f64| problem(Spectrum::Harmonic { dim: 10 }, &Noise::Constant(noise));
    let from = |mean: f64, grid: AdviceGrid| AdviceGrid { start: Moments::at(mean), ..grid };
    for (problem, grid) in [
        (chebyshev(), from(0.0, grid(&[5], &[0.5], 3))),
        (harmonic(1e8), grid(&[1, 5, 100], &[0.1, 0.5, 1.0], 50)),
        (chebyshev(), from(1e-9, grid(&[5], &[0.1], 1000))),
    ] {
        let advice = advise(&problem, 0.5, Momentum::NONE, &grid).unwrap();
        assert!(!advice.pays && advice.gain <= 0.01, "{} {:?}", advice.gain, advice.inner_tuned);
    }
}

/// With momentum the inner optimizer's best valley may be narrow: one of some thousand half turns.
#[test]
fn the_inner_optimizer_alone_is_searched_as_finely_as_it_oscillates() {
    let problem = problem(Spectrum::Harmonic { dim: 1 }, &Noise::Constant(4.20874e-7));
    let momentum = Momentum::new(0.99).unwrap();
    let start = Moments::at(2261.924717996038);
    let grid = AdviceGrid { start, ..grid(&[6, 10, 84], &[0.156, 0.386, 0.991], 2949) };
    let advice = advise(&problem, 1.369436469040322, momentum, &grid).unwrap();
    let at_valley = stepped(&problem, 2.911e-5, momentum, Cycle::inner_alone(), &grid);
    assert!(advice.inner_tuned.point.loss <= at_valley, "{:?} beside {at_valley}", advice.inner_tuned);
    assert!(!advice.pays, "{}", advice.gain);

    let wide = self::problem(Spectrum::Harmonic { dim: 4 }, &Noise::InverseCurvature);
    let start = Moments::at(553.2670631178386);
    let grid = AdviceGrid { start, ..self::grid(&[1, 2, 18], &[0.211, 0.843, 0.906], 349) };
    let advice = advise(&wide, 2.9500887247793655, momentum, &grid).unwrap();
    let at_valley = stepped(&wide, 1.71802, momentum, Cycle::inner_alone(), &grid);
    assert!(advice.inner_tuned.point.loss <= at_valley, "{:?} beside {at_valley}", advice.inner_tuned);
}
