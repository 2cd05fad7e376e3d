//! "How do I choose k and alpha?": the expected loss of the noisy quadratic against both, for a given inner optimizer.

use lookahead::{Alpha, InnerStatePolicy, SyncPeriod};
use rayon::prelude::*;
use serde::Serialize;

use crate::convergence_rate::rate_of_slowest;
use crate::{Cycle, Dynamics, Error, Moments, Momentum, NoisyQuadratic};

/// What the model leaves out, to be shown beside any advice.
pub const MODEL_LIMITS: [&str; 5] = [
    "The loss is a quadratic with a fixed, diagonal curvature; that of a network is neither fixed nor diagonal.",
    "The noise of a gradient does not depend on where the weights are, nor on the batch before.",
    "Every direction starts as far from the optimum, at rest, and the learning rate never changes.",
    "A larger k and a smaller alpha lower the noise floor and slow progress down: the best pair depends on the steps.",
    "The loss is the training loss; nothing here speaks of generalization.",
];

/// What to compare.
#[derive(Debug, Clone, PartialEq)]
pub struct AdviceGrid {
    /// The values of k. Default 1, 2, 5, 10, 20, 50, 100.
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
    /// The slow weights' expected loss at the given step. Between syncs they stand still, so k need not divide it.
    pub loss: f64,
    /// Their loss at the fixed point; none where the cycle diverges.
    pub final_loss: Option<f64>,
    /// The convergence rate per inner step of the noiseless model; negative where the cycle diverges.
    pub rate: f64,
}

/// The losses against k and alpha.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Advice {
    /// Every pair, k by k in the order given, the alphas of each in theirs.
    pub points: Vec<AdvicePoint>,
    /// The inner optimizer alone: k = 1, alpha = 1.
    pub inner_alone: AdvicePoint,
    /// The pair with the smallest loss at the given step, the first of equals.
    pub best: AdvicePoint,
    /// The pair with the smallest loss at its fixed point, the first of equals; none where all diverge.
    pub best_final: Option<AdvicePoint>,
    /// The loss at the optimum, which nothing falls below.
    pub least_loss: f64,
}

/// The expected loss against k and alpha, for SGD with this learning rate and momentum.
///
/// # Errors
/// [`Error::Empty`] if there is no k or no alpha; [`Error::OutOfRange`] unless `0 < lr < 2 (1 + beta) / L` and the
/// start is finite.
///
/// ```
/// use lookahead_theory::{AdviceGrid, ConditionNumber, Momentum, Noise, NoisyQuadratic, Spectrum, advise};
/// let spectrum = Spectrum::Log { dim: 20, condition_number: ConditionNumber::new(100.0)? };
/// let problem = NoisyQuadratic::new(spectrum.eigenvalues()?, &Noise::InverseCurvature)?;
/// let advice = advise(&problem, 0.5, Momentum::NONE, &AdviceGrid::default())?;
/// assert!(advice.best.loss < advice.inner_alone.loss);
/// # Ok::<(), lookahead_theory::Error>(())
/// ```
pub fn advise(problem: &NoisyQuadratic, lr: f64, momentum: Momentum, grid: &AdviceGrid) -> Result<Advice, Error> {
    let AdviceGrid { sync_periods, alphas, inner_state, steps, start } = grid;
    let pairs: Vec<Cycle> = sync_periods
        .iter()
        .flat_map(|&sync_period| {
            alphas.iter().map(move |&alpha| Cycle { sync_period, alpha, inner_state: *inner_state })
        })
        .collect();
    let point = |cycle: &Cycle| {
        let dynamics = Dynamics::new(problem, lr, momentum, *cycle)?;
        let final_loss = match dynamics.final_loss() {
            Ok(loss) => Some(loss),
            Err(Error::Diverges { .. }) => None,
            Err(error) => return Err(error),
        };
        Ok(AdvicePoint {
            sync_period: cycle.sync_period,
            alpha: cycle.alpha,
            loss: dynamics.loss_after(*start, steps - steps % cycle.steps())?,
            final_loss,
            rate: rate_of_slowest(problem.eigenvalues(), lr, momentum, cycle),
        })
    };
    let points: Vec<AdvicePoint> = pairs.par_iter().map(point).collect::<Result<_, Error>>()?;
    let best = points.iter().min_by(|a, b| a.loss.total_cmp(&b.loss));
    let best = *best.ok_or(Error::Empty { name: "pair of k and alpha" })?;
    let with_final = points.iter().filter_map(|point| Some((point, point.final_loss?)));
    let best_final = with_final.min_by(|a, b| a.1.total_cmp(&b.1)).map(|(point, _)| *point);
    let inner_alone = point(&Cycle::inner_alone())?;
    Ok(Advice { points, inner_alone, best, best_final, least_loss: problem.least_loss() })
}
