//! The learning rate with the smallest expected loss after a number of steps, for one cycle of Lookahead.

use rayon::prelude::*;
use serde::Serialize;

use crate::{Cycle, Dynamics, Error, Moments, Momentum, NoisyQuadratic};

/// Learning rates of the log grid in each decade.
const POINTS_PER_DECADE: f64 = 12.0;
/// Further ones, evenly spread over the square root of the learning rate: the fewest, the most, and for each inner step
/// between two syncs, over which the phase of an oscillation makes a half turn. The inner optimizer alone, which is what all
/// else is compared with, oscillates through all steps, and is looked at as finely as that takes.
const FEWEST_BY_PHASE: u32 = 48;
const MOST_BY_PHASE: u32 = 600;
const MOST_BY_PHASE_ALONE: u32 = 12_000;
const BY_PHASE_PER_STEP: u32 = 3;
/// The lowest valleys of the grid, which are refined, and the golden sections that each takes. What the grid has of a narrow
/// one tells little of its depth, so of the inner optimizer alone nearly all are.
const VALLEYS: usize = 4;
const VALLEYS_ALONE: usize = 2000;
const SECTIONS: u32 = 28;
/// The last learning rate searched, as a part of the limit.
const LAST: f64 = 0.9999;
/// The first one moves the steepest direction by this part of its way within all steps.
const FIRST_MOVE: f64 = 1e-3;
/// Losses closer than this, relative to the smaller, are equal: of them the smallest learning rate is taken.
const TIE: f64 = 1e-12;

/// Where in what was searched the best value lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// It is the smallest: a smaller one may be better.
    Smallest,
    /// It is the largest: a larger one may be better.
    Largest,
}

/// What a learning rate is searched for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Search<'p> {
    pub problem: &'p NoisyQuadratic,
    pub momentum: Momentum,
    pub start: Moments,
    pub steps: u64,
}

impl<'p> Search<'p> {
    pub fn dynamics(&self, lr: f64, cycle: Cycle) -> Result<Dynamics<'p>, Error> {
        Dynamics::new(self.problem, lr, self.momentum, cycle)
    }

    /// The syncs that have happened. Between syncs the slow weights stand still, so k need not divide the steps.
    pub fn syncs(&self, cycle: &Cycle) -> u64 {
        self.steps / cycle.steps()
    }

    /// The learning rates searched, from the first to the last.
    pub fn range(&self) -> [f64; 2] {
        let limit = self.momentum.lr_limit(self.problem.eigenvalues().largest());
        // After T steps at rate lr a direction has moved by about lr a T / (1 - beta).
        let beta = self.momentum.get();
        let first = FIRST_MOVE * (1.0 - beta) / (2.0 * (1.0 + beta) * self.steps.max(1) as f64);
        [first * limit, LAST * limit]
    }

    /// The best learning rate for a cycle.
    pub fn best(&self, cycle: Cycle) -> Result<(f64, Option<End>), Error> {
        let is_alone = cycle == Cycle::inner_alone();
        let (phases, most, valleys_refined) = match is_alone {
            true => (u32::try_from(self.steps).unwrap_or(u32::MAX), MOST_BY_PHASE_ALONE, VALLEYS_ALONE),
            false => (cycle.sync_period.get(), MOST_BY_PHASE, VALLEYS),
        };
        let syncs = self.syncs(&cycle);
        let loss = |lr: f64| Ok::<_, Error>(self.dynamics(lr, cycle)?.above_least_after(self.start, syncs));
        let grid = self.grid(phases, most);
        let losses = grid.par_iter().map(|&lr| loss(lr)).collect::<Result<Vec<f64>, _>>()?;
        let last = grid.len() - 1;
        let is_valley = |&i: &usize| (i == 0 || losses[i] < losses[i - 1]) && (i == last || losses[i] <= losses[i + 1]);
        let mut valleys: Vec<usize> = (0..=last).filter(is_valley).collect();
        valleys.sort_by(|&i, &j| losses[i].total_cmp(&losses[j]));
        valleys.truncate(valleys_refined);
        // The first point is never above one before it, so that there is a valley; grids begin with it.
        let (mut best_lr, mut least) = (grid[0], losses[0]);
        let refine =
            |&i: &usize| section(grid[i.saturating_sub(1)], grid[(i + 1).min(last)], (grid[i], losses[i]), loss);
        let refined: Vec<(f64, f64)> = valleys.par_iter().map(refine).collect::<Result<_, _>>()?;
        for (lr, found) in refined {
            let is_lower = found < least * (1.0 - TIE);
            if is_lower || (found <= least * (1.0 + TIE) && lr < best_lr) {
                (best_lr, least) = (lr, found.min(least));
            }
        }
        let end = match best_lr {
            lr if lr < grid[1] => Some(End::Smallest),
            lr if lr > grid[last - 1] => Some(End::Largest),
            _ => None,
        };
        Ok((best_lr, end))
    }

    fn grid(&self, phases: u32, most: u32) -> Vec<f64> {
        let [first, last] = self.range();
        let points = ((last / first).log10() * POINTS_PER_DECADE).ceil() as u32;
        let on_log_grid = (0..=points).map(|i| first * (last / first).powf(f64::from(i) / f64::from(points)));
        // Without momentum nothing oscillates but by its sign.
        let steps = if self.momentum == Momentum::NONE { 0 } else { phases };
        let turns = BY_PHASE_PER_STEP.saturating_mul(steps).clamp(FEWEST_BY_PHASE, most);
        let by_phase = (1..turns).map(|i| last * (f64::from(i) / f64::from(turns)).powi(2));
        let mut grid: Vec<f64> = on_log_grid.chain(by_phase).filter(|lr| (first..=last).contains(lr)).collect();
        grid.sort_by(f64::total_cmp);
        grid.dedup();
        grid
    }
}

/// The lowest point between two learning rates that golden sections of their logarithm find, or `known` if none is lower.
pub(crate) fn section(
    low: f64,
    high: f64,
    known: (f64, f64),
    loss: impl Fn(f64) -> Result<f64, Error>,
) -> Result<(f64, f64), Error> {
    // (sqrt 5 - 1) / 2
    const GOLDEN: f64 = 0.618_033_988_749_894_9;
    let mut best = known;
    let (mut low, mut high) = (low.ln(), high.ln());
    let mut try_at = |ln: f64| -> Result<f64, Error> {
        let here = (ln.exp(), loss(ln.exp())?);
        if here.1 < best.1 {
            best = here;
        }
        Ok(here.1)
    };
    let (mut left, mut right) = (high - GOLDEN * (high - low), low + GOLDEN * (high - low));
    let (mut at_left, mut at_right) = (try_at(left)?, try_at(right)?);
    for _ in 0..SECTIONS {
        if at_left <= at_right {
            (high, right, at_right) = (right, left, at_left);
            left = high - GOLDEN * (high - low);
            at_left = try_at(left)?;
        } else {
            (low, left, at_left) = (left, right, at_right);
            right = low + GOLDEN * (high - low);
            at_right = try_at(right)?;
        }
    }
    Ok(best)
}
