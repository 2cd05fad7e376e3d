//! Lookahead beside its descendants and beside averages, each at its best on the same noisy quadratic: the same
//! gradients, and as many settings tried of each.

use std::cmp::Ordering;

use rayon::prelude::*;
use serde::Serialize;

use crate::error::accept;
use crate::tune::{End, section};
use crate::{AverageDynamics, Error, Moments, NoisyQuadratic, OuterDynamics};

mod advice;
mod in_use;
mod same_final_loss;
mod settings;

pub use advice::{Diverging, FamilyAdvice, advise};
pub(crate) use in_use::steps_in_use;
pub use same_final_loss::{AtTheSameFinalLoss, LeftOut, Why, at_the_same_final_loss};
pub use settings::{Member, Name, Setting};

/// The first learning rate moves the steepest direction by this part of its way within all steps.
const FIRST_MOVE: f64 = 1e-3;
/// The last one, as a part of the limit.
const LAST: f64 = 0.9999;
/// What the golden sections of a setting compute, [`section`]'s 28 and the two that they begin with.
const REFINEMENT: u32 = 30;
/// The fewest learning rates of a setting before they are refined.
const FEWEST: u32 = 20;
/// The most losses of a member times eigenvalues: some ten seconds.
const MOST_WORK: u64 = 2_000_000;
/// The most losses times eigenvalues times steps of a mean of all weights, which takes its steps one by one: twenty
/// seconds on one core.
const MOST_STEPS: u64 = 2_000_000_000;
const NO_SETTING: Error = Error::Empty { name: "setting of a member" };

/// What all members have in common.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Budget {
    /// Inner steps, each with one gradient, after which losses are compared.
    pub steps: u64,
    /// How many losses are computed of each member: its settings share them as learning rates.
    pub losses: u32,
    /// Where the weights start.
    pub start: Moments,
}

/// A member at the best of its settings and learning rates.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Tuned {
    /// Which member.
    pub name: Name,
    /// Its setting.
    pub setting: Setting,
    /// The learning rate.
    pub lr: f64,
    /// Whether that lies at an end of what was searched.
    #[serde(skip)]
    pub end: Option<End>,
    /// The expected loss after the steps (Eq. 5), of the weights that are evaluated. Slow weights stand still between
    /// syncs, so k need not divide the steps.
    pub loss: f64,
    /// How far that is above the least there is.
    pub above_least: f64,
    /// The loss at the fixed point; none where there is none.
    pub final_loss: Option<f64>,
}

/// Each member at the setting and learning rate with the smallest expected loss after the steps.
///
/// The learning rates of a setting lie on a log grid, from one that hardly moves the weights to the limit of what
/// converges; the best of them is refined by golden sections. A member with fewer settings gets a finer grid.
///
/// # Errors
/// [`Error::Empty`] for a member without a setting; [`Error::OutOfRange`] if there are fewer than 50 losses for each
/// setting, or the start is not accepted; [`Error::TooMuchWork`] for more than 2 million losses times eigenvalues, or
/// 2 billion times the steps where there is a mean of all weights.
///
/// ```
/// use lookahead_theory::family::{Budget, Member, Name, compare};
/// use lookahead_theory::{Moments, Momentum, Noise, NoisyQuadratic, Spectrum};
/// let problem = NoisyQuadratic::new(Spectrum::Harmonic { dim: 5 }.eigenvalues()?, &Noise::InverseCurvature)?;
/// let budget = Budget { steps: 200, losses: 1000, start: Moments::at(1.0) };
/// let tuned = compare(&problem, &Member::all(Momentum::NONE), &budget)?;
/// let above = |name| tuned.iter().find(|tuned| tuned.name == name).map(|tuned| tuned.above_least);
/// assert!(above(Name::Lookahead) < above(Name::InnerAlone));
/// # Ok::<(), lookahead_theory::Error>(())
/// ```
pub fn compare(problem: &NoisyQuadratic, members: &[Member], budget: &Budget) -> Result<Vec<Tuned>, Error> {
    let search = Search { problem, budget: Budget { start: budget.start.check()?, ..*budget } };
    members.iter().map(|member| search.best(member)).collect()
}

struct Search<'p> {
    problem: &'p NoisyQuadratic,
    budget: Budget,
}

impl Search<'_> {
    fn best(&self, member: &Member) -> Result<Tuned, Error> {
        let points = self.points(member)?;
        let tune = |setting: &Setting| self.tune(member.name, *setting, points);
        let tuned = member.settings.par_iter().map(tune).collect::<Result<Vec<Tuned>, Error>>()?;
        tuned.into_iter().min_by(by_loss).ok_or(NO_SETTING)
    }

    /// The learning rates of each setting's grid.
    fn points(&self, member: &Member) -> Result<u32, Error> {
        let settings = u32::try_from(member.settings.len()).unwrap_or(u32::MAX);
        let each = self.budget.losses.checked_div(settings).ok_or(NO_SETTING)?;
        let least = FEWEST + REFINEMENT;
        accept("the number of losses for each setting", f64::from(each), each >= least, format!("at least {least}"))?;
        let (size, what) = (u64::from(self.budget.losses), "the number of losses");
        let one_by_one = member.settings.iter().any(Setting::steps_one_by_one);
        let work = if one_by_one { MOST_WORK.min(MOST_STEPS / self.budget.steps.max(1)) } else { MOST_WORK };
        let most = work / self.problem.directions().len() as u64;
        if size > most {
            return Err(Error::TooMuchWork { what, size, most, less: "take fewer losses, eigenvalues or steps" });
        }
        Ok(each - REFINEMENT)
    }

    fn tune(&self, name: Name, setting: Setting, points: u32) -> Result<Tuned, Error> {
        let largest = self.problem.eigenvalues().largest();
        let last = LAST * setting.lr_limit(largest);
        let first = (FIRST_MOVE / (largest * setting.pace() * self.budget.steps.max(1) as f64)).min(0.5 * last);
        let at = |i: u32| first * (last / first).powf(f64::from(i) / f64::from(points - 1));
        let loss = |lr: f64| self.above_least(setting, lr);
        let losses = (0..points).map(|i| loss(at(i))).collect::<Result<Vec<f64>, Error>>()?;
        let lowest = (0..points).zip(&losses).min_by(|a, b| a.1.total_cmp(b.1)).map_or(0, |(i, _)| i);
        let known = (at(lowest), losses[lowest as usize]);
        let (lr, above_least) = section(at(lowest.saturating_sub(1)), at((lowest + 1).min(points - 1)), known, loss)?;
        let end = match lr {
            lr if lr < at(1) => Some(End::Smallest),
            lr if lr > at(points - 2) => Some(End::Largest),
            _ => None,
        };
        let final_loss = self.final_above_least(setting, lr)?.map(|above| self.problem.least_loss() + above);
        let loss = self.problem.least_loss() + above_least;
        Ok(Tuned { name, setting, lr, end, loss, above_least, final_loss })
    }

    fn above_least(&self, setting: Setting, lr: f64) -> Result<f64, Error> {
        let Budget { steps, start, .. } = self.budget;
        let moments = match setting {
            Setting::Loop { momentum, cycle } => {
                let synced = steps - steps % cycle.steps();
                OuterDynamics::new(self.problem, lr, momentum, cycle)?.after(start, synced)
            }
            Setting::Average(average) => AverageDynamics::new(self.problem, lr, average)?.after(start, steps),
        };
        match moments {
            Ok(moments) => Ok(self.problem.above_least(&moments)),
            Err(Error::NotFinite { .. }) => Ok(f64::INFINITY),
            Err(other) => Err(other),
        }
    }

    /// At the fixed point; `None` where there is none.
    fn final_above_least(&self, setting: Setting, lr: f64) -> Result<Option<f64>, Error> {
        let variances = match setting {
            Setting::Loop { momentum, cycle } => {
                OuterDynamics::new(self.problem, lr, momentum, cycle)?.final_variances()
            }
            Setting::Average(average) => Ok(AverageDynamics::new(self.problem, lr, average)?.final_variances()),
        };
        let Ok(variances) = variances else { return Ok(None) };
        let at_rest = variances.into_iter().map(|variance| Moments { mean: 0.0, variance });
        Ok(Some(self.problem.above_least(&at_rest.collect::<Vec<_>>())).filter(|above| above.is_finite()))
    }
}

fn by_loss(one: &Tuned, other: &Tuned) -> Ordering {
    one.above_least.total_cmp(&other.above_least)
}
