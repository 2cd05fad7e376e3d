//! "How do I choose k and alpha?": the expected loss of the noisy quadratic against both, at a given learning rate and at
//! the best one for each pair, beside the inner optimizer alone at its own best one and at the same final loss (Sec. 3.1).

use lookahead::{Alpha, InnerStatePolicy, SyncPeriod};
use rayon::prelude::*;
use serde::Serialize;

use crate::convergence_rate::convergence_rate;
use crate::matched_rate::matched_rate;
use crate::tune::{End, Search};
use crate::{Cycle, Error, Moments, Momentum, NoisyQuadratic};

/// What the model leaves out, to be shown beside any advice.
pub const MODEL_LIMITS: [&str; 5] = [
    "The loss is a quadratic with a fixed, diagonal curvature; that of a network is neither fixed nor diagonal.",
    "The noise of a gradient does not depend on where the weights are, nor on the batch before.",
    "Every direction starts as far from the optimum, at rest, and the learning rate never changes.",
    "A larger k and a smaller alpha lower the noise floor and slow progress down: the best pair depends on the steps.",
    "The loss is the training loss; nothing here speaks of generalization.",
];

/// Lookahead pays if, tuned, it is nearer to the least loss than the tuned inner optimizer by more than this part.
pub const WORTH_IT: f64 = 0.01;

/// A smaller gain or loss than this part is rounding.
const TIE: f64 = 1e-9;

/// The most pairs of k and alpha.
const MOST_PAIRS: u64 = 1000;
/// The most pairs times eigenvalues: some ten seconds.
const MOST_WORK: u64 = 100_000;

/// What to compare.
#[derive(Debug, Clone, PartialEq)]
pub struct AdviceGrid {
    /// The values of k. Default 1, 2, 5, 10, 20, 50, 100. With the alphas at most 1000 pairs.
    pub sync_periods: Vec<SyncPeriod>,
    /// The values of alpha. Default 0.1 to 1 in tenths.
    pub alphas: Vec<Alpha>,
    /// What becomes of the velocity at a sync. Default maintain.
    pub inner_state: InnerStatePolicy,
    /// Inner steps after which the losses are compared. Default 1000.
    pub steps: u64,
    /// Where the weights start. Default mean 1, variance 0.
    pub start: Moments,
}

impl Default for AdviceGrid {
    fn default() -> Self {
        // Numbers in their ranges: nothing is dropped.
        let periods = [1, 2, 5, 10, 20, 50, 100].map(SyncPeriod::new);
        let alphas = (1..=10).map(|tenths| Alpha::new(f64::from(tenths) / 10.0));
        Self {
            sync_periods: periods.into_iter().flatten().collect(),
            alphas: alphas.flatten().collect(),
            inner_state: InnerStatePolicy::default(),
            steps: 1000,
            start: Moments::at(1.0),
        }
    }
}

/// One pair of k and alpha.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct AdvicePoint {
    /// k.
    pub sync_period: SyncPeriod,
    /// alpha.
    pub alpha: Alpha,
    /// The slow weights' expected loss at the given step, infinite where they have grown beyond doubles. Between syncs
    /// they stand still, so k need not divide it.
    pub loss: f64,
    /// Their loss at the fixed point; none where the cycle diverges.
    pub final_loss: Option<f64>,
    /// The convergence rate per inner step of the noiseless model; negative where the cycle diverges.
    pub rate: f64,
}

/// One pair at the learning rate with which its loss at the given step is smallest.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct TunedPoint {
    /// The learning rate.
    pub lr: f64,
    /// Whether it lies at an end of [`Advice::searched`].
    #[serde(skip)]
    pub end: Option<End>,
    /// What comes of it.
    #[serde(flatten)]
    pub point: AdvicePoint,
}

/// A pair, and the inner optimizer alone with the learning rate that ends at the same loss: the comparison of Fig. 3.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct SameFinalLoss {
    /// The final loss of both.
    pub final_loss: f64,
    /// How far Lookahead's loss is above (or, negative, below) it at the given step.
    pub lookahead_excess: f64,
    /// The inner optimizer's learning rate.
    pub inner_lr: f64,
    /// How far its loss is above the final one.
    pub inner_excess: f64,
}

/// What is best, as [`Advice`] names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// [`Advice::best`].
    Best,
    /// [`Advice::best_final`].
    BestFinal,
    /// [`Advice::best_tuned`].
    BestTuned,
    /// [`Advice::inner_tuned`].
    InnerTuned,
}

/// A hyperparameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Parameter {
    /// k.
    SyncPeriod,
    /// alpha.
    Alpha,
    /// The learning rate.
    LearningRate,
}

/// A best value at the end of what was compared: one beyond it may be better.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Edge {
    /// What is best.
    pub of: Choice,
    /// Which of its hyperparameters.
    pub parameter: Parameter,
    /// The value.
    pub value: f64,
    /// At which end it lies.
    pub end: End,
}

/// The losses against k and alpha.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Advice {
    /// Every pair at the given learning rate, k by k in the order given, the alphas of each in theirs.
    pub points: Vec<AdvicePoint>,
    /// The inner optimizer alone at the given learning rate: k = 1, alpha = 1.
    pub inner_alone: AdvicePoint,
    /// The pair with the smallest loss at the given step and learning rate, the first of equals.
    pub best: AdvicePoint,
    /// The pair with the smallest loss at its fixed point, the first of equals; none where all diverge.
    pub best_final: Option<AdvicePoint>,
    /// `best` beside the inner optimizer with the same final loss; none without noise, where `best` diverges, and where
    /// that takes a learning rate below the smallest double.
    pub same_final_loss: Option<SameFinalLoss>,
    /// Every pair at its own best learning rate, in the same order.
    pub tuned: Vec<TunedPoint>,
    /// The one with the smallest loss at the given step, the first of equals.
    pub best_tuned: TunedPoint,
    /// The inner optimizer alone at its own best learning rate.
    pub inner_tuned: TunedPoint,
    /// The first and the last learning rate that were searched.
    pub searched: [f64; 2],
    /// By what part `best_tuned` is nearer to the least loss than `inner_tuned`, or than the start where that is nearer; 0
    /// where both are there, or equally near but for 1e-9 of it.
    pub gain: f64,
    /// Whether that is more than [`WORTH_IT`].
    pub pays: bool,
    /// Where a best value lies at the end of its list or range.
    pub edges: Vec<Edge>,
    /// The loss at the optimum, which nothing falls below.
    pub least_loss: f64,
}

/// The expected loss against k and alpha, for SGD with this learning rate and momentum and with the best learning rate
/// for each pair; and whether Lookahead does better than the inner optimizer alone at its own best learning rate.
///
/// Best is what a search on a grid finds: 12 learning rates a decade from the first that moves the weights at all, more by
/// the phase of oscillations, the lowest valleys refined. The inner optimizer alone is searched most finely.
///
/// # Errors
/// [`Error::Empty`] if there is no k or no alpha; [`Error::OutOfRange`] unless `0 < lr < 2 (1 + beta) / L` and the
/// start is accepted; [`Error::TooMuchWork`] for more than 1000 pairs, or 100,000 pairs times eigenvalues.
///
/// ```
/// use lookahead_theory::{AdviceGrid, ConditionNumber, Momentum, Noise, NoisyQuadratic, Spectrum, advise};
/// let spectrum = Spectrum::Log { dim: 20, condition_number: ConditionNumber::new(100.0)? };
/// let problem = NoisyQuadratic::new(spectrum.eigenvalues()?, &Noise::InverseCurvature)?;
/// let advice = advise(&problem, 0.5, Momentum::NONE, &AdviceGrid::default())?;
/// // At this learning rate Lookahead is far ahead; but so is SGD alone with a smaller one.
/// assert!(advice.best.loss < advice.inner_alone.loss);
/// assert!(advice.inner_tuned.lr < 0.5 && advice.inner_tuned.point.loss < advice.inner_alone.loss);
/// # Ok::<(), lookahead_theory::Error>(())
/// ```
pub fn advise(problem: &NoisyQuadratic, lr: f64, momentum: Momentum, grid: &AdviceGrid) -> Result<Advice, Error> {
    let AdviceGrid { sync_periods, alphas, inner_state, steps, start } = grid;
    check_work(problem, grid)?;
    momentum.check_lr(lr, problem.eigenvalues().largest())?;
    let search = Search { problem, momentum, start: start.check()?, steps: *steps };
    let each_alpha =
        |&sync_period| alphas.iter().map(move |&alpha| Cycle { sync_period, alpha, inner_state: *inner_state });
    let pairs: Vec<Cycle> = sync_periods.iter().flat_map(each_alpha).collect();

    let tune = |cycle: &Cycle| {
        let (lr, end) = search.best(*cycle)?;
        Ok::<_, Error>(TunedPoint { lr, end, point: point(&search, lr, cycle)? })
    };
    let points = pairs.par_iter().map(|cycle| point(&search, lr, cycle)).collect::<Result<Vec<_>, _>>()?;
    let tuned = pairs.par_iter().map(tune).collect::<Result<Vec<_>, _>>()?;
    let inner_alone = point(&search, lr, &Cycle::inner_alone())?;
    let inner_tuned = tune(&Cycle::inner_alone())?;

    let none = || Error::Empty { name: "pair of k and alpha" };
    let best = *points.iter().min_by(|a, b| a.loss.total_cmp(&b.loss)).ok_or_else(none)?;
    let best_tuned = *tuned.iter().min_by(|a, b| a.point.loss.total_cmp(&b.point.loss)).ok_or_else(none)?;
    let with_final = points.iter().filter_map(|point| Some((point, point.final_loss?)));
    let best_final = with_final.min_by(|a, b| a.1.total_cmp(&b.1)).map(|(point, _)| *point);

    let cycle =
        |point: &AdvicePoint| Cycle { sync_period: point.sync_period, alpha: point.alpha, inner_state: *inner_state };
    let above = |tuned: &TunedPoint, cycle: Cycle| {
        let dynamics = search.dynamics(tuned.lr, cycle)?;
        Ok::<_, Error>(dynamics.above_least_after(search.start, search.syncs(&cycle)))
    };
    let (lookahead, inner) =
        (above(&best_tuned, cycle(&best_tuned.point))?, above(&inner_tuned, Cycle::inner_alone())?);
    // Where the start is nearest, the inner optimizer need not move either.
    let still = search.dynamics(lr, Cycle::inner_alone())?.above_least_after(search.start, 0);
    let inner = inner.min(still);
    let gain = if inner > 0.0 { 1.0 - lookahead / inner } else { 0.0 };
    let gain = if gain.abs() <= TIE { 0.0 } else { gain };
    Ok(Advice {
        same_final_loss: same_final_loss(&search, lr, cycle(&best))?,
        edges: edges(grid, &best, best_final.as_ref(), &best_tuned, &inner_tuned),
        points,
        inner_alone,
        best,
        best_final,
        tuned,
        best_tuned,
        inner_tuned,
        searched: search.range(),
        gain,
        pays: gain > WORTH_IT,
        least_loss: problem.least_loss(),
    })
}

fn check_work(problem: &NoisyQuadratic, grid: &AdviceGrid) -> Result<(), Error> {
    let pairs = grid.sync_periods.len() as u64 * grid.alphas.len() as u64;
    let (what, less) = ("the number of pairs of k and alpha", "compare fewer");
    if pairs > MOST_PAIRS {
        return Err(Error::TooMuchWork { what, size: pairs, most: MOST_PAIRS, less });
    }
    let size = pairs * problem.directions().len() as u64;
    let (what, less) = ("the number of eigenvalues times pairs of k and alpha", "take fewer of either");
    if size > MOST_WORK { Err(Error::TooMuchWork { what, size, most: MOST_WORK, less }) } else { Ok(()) }
}

fn point(search: &Search<'_>, lr: f64, cycle: &Cycle) -> Result<AdvicePoint, Error> {
    let dynamics = search.dynamics(lr, *cycle)?;
    let final_loss = match dynamics.final_loss() {
        Ok(loss) => Some(loss),
        Err(Error::Diverges { .. } | Error::NotFinite { .. }) => None,
        Err(error) => return Err(error),
    };
    let loss = match dynamics.loss_after(search.start, search.syncs(cycle) * cycle.steps()) {
        Err(Error::NotFinite { .. }) => f64::INFINITY,
        found => found?,
    };
    let rate = convergence_rate(search.problem.eigenvalues(), lr, search.momentum, cycle)?;
    Ok(AdvicePoint { sync_period: cycle.sync_period, alpha: cycle.alpha, loss, final_loss, rate })
}

/// The pair beside the inner optimizer with the same final loss.
fn same_final_loss(search: &Search<'_>, lr: f64, cycle: Cycle) -> Result<Option<SameFinalLoss>, Error> {
    let Search { problem, momentum, start, steps } = *search;
    let lookahead = search.dynamics(lr, cycle)?;
    let Ok(progress) = lookahead.progress(start, search.syncs(&cycle) * cycle.steps()) else { return Ok(None) };
    // A cycle around momentum may end at a larger loss than the inner optimizer alone, even at a larger one than any.
    let [_, last] = search.range();
    let most = search.dynamics(last, Cycle::inner_alone())?.progress(start, steps)?.above_least;
    if progress.above_least == 0.0 || progress.above_least > most {
        return Ok(None);
    }
    let inner_lr = matched_rate(problem, momentum, progress.above_least, last);
    // Below the smallest double.
    if inner_lr == 0.0 {
        return Ok(None);
    }
    let inner = search.dynamics(inner_lr, Cycle::inner_alone())?.progress(start, steps)?;
    Ok(Some(SameFinalLoss {
        final_loss: progress.final_loss,
        lookahead_excess: progress.excess,
        inner_lr,
        inner_excess: inner.excess,
    }))
}

fn edges(
    grid: &AdviceGrid,
    best: &AdvicePoint,
    best_final: Option<&AdvicePoint>,
    best_tuned: &TunedPoint,
    inner_tuned: &TunedPoint,
) -> Vec<Edge> {
    let edge = |of, parameter, value, end: Option<End>| end.map(|end| Edge { of, parameter, value, end });
    let of_pair = |of, point: &AdvicePoint| {
        let (k, alpha) = (f64::from(point.sync_period.get()), point.alpha.get());
        // With alpha = 1 nothing is pulled back, whatever k is, but for a reset velocity.
        let any_k = alpha == 1.0 && grid.inner_state != InnerStatePolicy::Reset;
        let periods = grid.sync_periods.iter().map(|k| f64::from(k.get()));
        let of_k = end_of(k, periods, [1.0, f64::from(u32::MAX)]).filter(|_| !any_k);
        let of_alpha = end_of(alpha, grid.alphas.iter().map(|alpha| alpha.get()), [0.0, 1.0]);
        [edge(of, Parameter::SyncPeriod, k, of_k), edge(of, Parameter::Alpha, alpha, of_alpha)]
    };
    let of_rate = |of, tuned: &TunedPoint| edge(of, Parameter::LearningRate, tuned.lr, tuned.end);
    let pairs = of_pair(Choice::Best, best).into_iter();
    let pairs = pairs.chain(best_final.into_iter().flat_map(|point| of_pair(Choice::BestFinal, point)));
    let pairs = pairs.chain(of_pair(Choice::BestTuned, &best_tuned.point));
    let rates = [of_rate(Choice::BestTuned, best_tuned), of_rate(Choice::InnerTuned, inner_tuned)];
    pairs.chain(rates).flatten().collect()
}

/// At which end of a list a value lies; none for a list of one value, and where no value beyond it is accepted.
fn end_of(value: f64, list: impl Iterator<Item = f64> + Clone, [low, high]: [f64; 2]) -> Option<End> {
    let (least, most) = (list.clone().fold(f64::INFINITY, f64::min), list.fold(f64::NEG_INFINITY, f64::max));
    match value {
        _ if least == most => None,
        _ if value == least && value > low => Some(End::Smallest),
        _ if value == most && value < high => Some(End::Largest),
        _ => None,
    }
}
