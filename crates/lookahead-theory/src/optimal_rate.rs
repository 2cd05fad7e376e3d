//! The learning rate with the fastest convergence (Fig. 4). Lookahead's rate has many local maxima, where the slowest
//! oscillations meet a sync at a lucky phase, so the whole range is searched.

use lookahead::SyncPeriod;
use rayon::prelude::*;

use crate::convergence_rate::rate_of_slowest;
use crate::{Cycle, Eigenvalues, Error, Momentum, Rate};

/// Points of the log grid in each decade of learning rates.
const POINTS_PER_DECADE: f64 = 1000.0;
/// Further points, evenly spread over the square root of the learning rate, for each of the k half turns that the
/// phase of k steps makes over the range.
const POINTS_PER_HALF_TURN: u32 = 64;
/// The most points by phase, so that a huge k ends too.
const MOST_BY_PHASE: u32 = 1 << 18;
/// The smallest learning rate searched, as a part of the limit: below 1e-3 of `(1 - sqrt beta)^2` for any beta.
const LEAST_PART: f64 = 1e-36;
/// The highest peaks of the grid, which are refined.
const PEAKS: usize = 48;
/// Each refinement splits a peak's surroundings into so many parts.
const PARTS: u32 = 16;
/// Refinements after which a peak is as narrow as doubles can tell: each leaves an eighth.
const MOST_REFINEMENTS: u32 = 64;
/// The most that a search that can be refused may compute, in rates of a single direction: about ten seconds.
const MOST_EVALUATIONS: u64 = 200_000_000;
/// Rates closer than this count as equal, relative to the best.
const TIE: f64 = 1e-9;
/// The last learning rate searched, as a part of the limit, which itself does not converge.
const LAST: f64 = 1.0 - 1e-9;

/// The best learning rate in `(0, 2 (1 + beta) / L)`, and the rate with it; of rates that are equal to 1e-9 relative,
/// the one with the smallest learning rate.
///
/// The search covers the range from 1e-8 of the limit, or from 1e-3 of the first rate at which a direction oscillates
/// (below it every direction gains from a larger rate), with 1000 points a decade and 64 for each half turn of the
/// phase between syncs (262,144 at most), and refines the 48 highest peaks to rounding. It runs on all cores.
///
/// Its time grows with the number of eigenvalues times that of learning rates; [`check_search`] tells when it is long.
#[must_use]
pub fn optimal_rate(eigenvalues: &Eigenvalues, momentum: Momentum, cycle: &Cycle) -> Rate {
    search(eigenvalues, momentum, cycle.sync_period, |lr| rate_of_slowest(eigenvalues, lr, momentum, cycle))
}

/// The best learning rate for any rate of convergence of a cycle of k steps.
pub(crate) fn search(
    eigenvalues: &Eigenvalues,
    momentum: Momentum,
    sync_period: SyncPeriod,
    rate: impl Fn(f64) -> f64 + Sync,
) -> Rate {
    let grid = learning_rates(eigenvalues, momentum, sync_period);
    let rates: Vec<f64> = grid.par_iter().map(|&lr| rate(lr)).collect();

    let last = grid.len() - 1;
    let is_peak = |i: usize| (i == 0 || rates[i] > rates[i - 1]) && (i == last || rates[i] >= rates[i + 1]);
    let mut peaks: Vec<usize> = (0..grid.len()).filter(|&i| is_peak(i)).collect();
    peaks.sort_by(|&i, &j| rates[j].total_cmp(&rates[i]));
    peaks.truncate(PEAKS);
    let refined: Vec<Rate> =
        peaks.par_iter().map(|&i| refine(grid[i.saturating_sub(1)], grid[(i + 1).min(last)], &rate)).collect();

    let best = refined.iter().map(|peak| peak.rate).fold(f64::NEG_INFINITY, f64::max);
    let equal = refined.into_iter().filter(|peak| peak.rate >= best - TIE * best.abs());
    // There is a peak, the highest point at least, and the best one equals itself.
    equal.min_by(|a, b| a.lr.total_cmp(&b.lr)).unwrap_or(Rate { lr: grid[last], rate: rates[last] })
}

/// Whether [`optimal_rate`] takes seconds.
///
/// # Errors
/// [`Error::TooMuchWork`] if there are too many eigenvalues for a k as large; up to k = 1000 about 2,000 are accepted.
///
/// ```
/// use lookahead_theory::{ConditionNumber, Cycle, Momentum, Spectrum, check_search};
/// let spectrum = |dim| Spectrum::Log { dim, condition_number: ConditionNumber::THOUSAND }.eigenvalues();
/// assert!(check_search(&spectrum(1000)?, Momentum::NONE, &Cycle::new(1000, 0.5)?).is_ok());
/// assert!(check_search(&spectrum(1_000_000)?, Momentum::NONE, &Cycle::new(5, 0.5)?).is_err());
/// # Ok::<(), lookahead_theory::Error>(())
/// ```
pub fn check_search(eigenvalues: &Eigenvalues, momentum: Momentum, cycle: &Cycle) -> Result<(), Error> {
    check_work(eigenvalues, momentum, cycle.sync_period, MOST_EVALUATIONS)
}

/// Whether a search takes at most so many evaluations of a single direction.
pub(crate) fn check_work(
    eigenvalues: &Eigenvalues,
    momentum: Momentum,
    sync_period: SyncPeriod,
    most_evaluations: u64,
) -> Result<(), Error> {
    let size = eigenvalues.as_slice().len() as u64;
    let most = most_evaluations / points(momentum, sync_period);
    if size <= most {
        return Ok(());
    }
    let what = "the number of eigenvalues that a learning rate is searched for";
    Err(Error::TooMuchWork { what, size, most, less: "take fewer, a smaller k, or give the learning rate" })
}

/// How many learning rates a search computes at most, refinements included.
pub(crate) fn points(momentum: Momentum, sync_period: SyncPeriod) -> u64 {
    // A refinement ends, as a rule, after 14 grids.
    let refined = PEAKS as u64 * 14 * (u64::from(PARTS) + 1);
    let (_, on_log_grid) = log_grid(momentum);
    u64::from(on_log_grid) + u64::from(by_phase(sync_period)) + refined
}

/// The smallest learning rate as a part of the limit, and how many lie on the log grid from there.
fn log_grid(momentum: Momentum) -> (f64, u32) {
    let first_oscillation = (1.0 - momentum.get().sqrt()).powi(2) / (2.0 * (1.0 + momentum.get()));
    let first = (1e-3 * first_oscillation).clamp(LEAST_PART, 1e-8);
    (first, (-first.log10() * POINTS_PER_DECADE).ceil() as u32)
}

/// How many lie on the grid by phase.
fn by_phase(sync_period: SyncPeriod) -> u32 {
    POINTS_PER_HALF_TURN.saturating_mul(sync_period.get()).min(MOST_BY_PHASE)
}

/// The learning rates to try, rising.
fn learning_rates(eigenvalues: &Eigenvalues, momentum: Momentum, sync_period: SyncPeriod) -> Vec<f64> {
    let limit = momentum.lr_limit(eigenvalues.largest());
    let (first, points) = log_grid(momentum);
    let on_log_grid = (0..points).map(|i| first.powf(1.0 - f64::from(i) / f64::from(points)));
    let turns = by_phase(sync_period);
    let by_phase = (1..turns).map(|i| (f64::from(i) / f64::from(turns)).powi(2));
    let mut parts: Vec<f64> = on_log_grid.chain(by_phase).chain([LAST]).filter(|&part| part <= LAST).collect();
    parts.sort_by(f64::total_cmp);
    parts.dedup();
    parts.into_iter().map(|part| part * limit).collect()
}

/// The highest point between two learning rates, the leftmost of equals, by ever finer grids.
fn refine(mut low: f64, mut high: f64, rate: impl Fn(f64) -> f64) -> Rate {
    let mut best = Rate { lr: low, rate: f64::NEG_INFINITY };
    for _ in 0..MOST_REFINEMENTS {
        let at = |i: u32| low + (high - low) * (f64::from(i) / f64::from(PARTS));
        let mut highest = 0;
        let mut here = Rate { lr: low, rate: f64::NEG_INFINITY };
        for i in 0..=PARTS {
            let candidate = Rate { lr: at(i), rate: rate(at(i)) };
            if candidate.rate > here.rate {
                (here, highest) = (candidate, i);
            }
        }
        if here.rate > best.rate || (here.rate == best.rate && here.lr < best.lr) {
            best = here;
        }
        let narrower = (at(highest.saturating_sub(1)), at((highest + 1).min(PARTS)));
        if narrower.1 - narrower.0 <= 2.0 * f64::EPSILON * high {
            break;
        }
        (low, high) = narrower;
    }
    best
}
