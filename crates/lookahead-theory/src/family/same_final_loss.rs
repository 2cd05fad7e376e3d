//! The family at the same final loss (Sec. 3.1): who is quick at the price of noise, and who is quick for good.

use rayon::prelude::*;
use serde::Serialize;

use super::{Budget, LAST, Member, Name, REFINEMENT, Search, Setting, Tuned, by_loss};
use crate::{Cycle, Error, Momentum, NoisyQuadratic, OuterCycle};

/// The first learning rate searched, as a part of the inner optimizer's.
const FIRST: f64 = 1e-3;
/// The smallest double above 0.
const SMALLEST: f64 = f64::from_bits(1);
/// How near to the final loss a learning rate must end, relative to its distance from the least loss.
const NEAR: f64 = 1e-6;

/// The members that can end at a given final loss.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AtTheSameFinalLoss {
    /// That loss: the inner optimizer's, alone.
    pub final_loss: f64,
    /// The members, in the order given.
    pub tuned: Vec<Tuned>,
    /// The others.
    pub left_out: Vec<LeftOut>,
}

/// A member that is not compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// Which.
    pub name: Name,
    /// Why.
    pub why: Why,
}

/// Why a member is not compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// Its loss falls to the least one at any learning rate, as that of a mean of all weights does.
    NeverAtRest,
    /// With none of its settings a learning rate was found.
    NoLearningRate,
    /// It would take too long.
    TooMuchWork,
}

/// Each member at the final loss of the inner optimizer alone with this learning rate and momentum: of its settings,
/// each at the learning rate that ends there, the one with the smallest expected loss after the steps.
///
/// A setting's learning rates lie on a log grid, from a thousandth of the inner optimizer's to the limit of what
/// converges; where its final loss passes the one asked for, it is halved down to. Where it passes more than once, the
/// learning rate with the smallest loss after the steps counts.
///
/// `None` without noise, every learning rate then ending at the least loss; and where that loss is too large for a
/// double.
///
/// # Errors
/// As [`compare`](super::compare); [`Error::OutOfRange`] unless `0 < lr < 2 (1 + beta) / L`.
///
/// ```
/// use lookahead_theory::family::{Budget, Member, Name, at_the_same_final_loss};
/// use lookahead_theory::{Moments, Momentum, Noise, NoisyQuadratic, Spectrum};
/// let problem = NoisyQuadratic::new(Spectrum::Harmonic { dim: 5 }.eigenvalues()?, &Noise::InverseCurvature)?;
/// let budget = Budget { steps: 200, losses: 1000, start: Moments::at(9.0) };
/// let members = Member::all(Momentum::NONE);
/// let matched = at_the_same_final_loss(&problem, &members, &budget, 0.2, Momentum::NONE)?;
/// let matched = matched.expect("there is noise");
/// let loss = |name| matched.tuned.iter().find(|tuned| tuned.name == name).map(|tuned| tuned.loss);
/// assert!(loss(Name::Lookahead) < loss(Name::InnerAlone));
/// assert!(matched.left_out.iter().any(|left_out| left_out.name == Name::ScheduleFree));
/// # Ok::<(), lookahead_theory::Error>(())
/// ```
pub fn at_the_same_final_loss(
    problem: &NoisyQuadratic,
    members: &[Member],
    budget: &Budget,
    lr: f64,
    momentum: Momentum,
) -> Result<Option<AtTheSameFinalLoss>, Error> {
    momentum.check_lr(lr, problem.eigenvalues().largest())?;
    let search = Search { problem, budget: Budget { start: budget.start.check()?, ..*budget } };
    let inner = Setting::Loop { momentum, cycle: OuterCycle::from(Cycle::inner_alone()) };
    let Some(goal) = search.final_above_least(inner, lr)?.filter(|&goal| goal > 0.0) else { return Ok(None) };
    let matching = Matching { search: &search, lr, goal };
    let (mut tuned, mut left_out) = (Vec::new(), Vec::new());
    for member in members {
        let never_at_rest = !member.settings.is_empty() && member.settings.iter().all(Setting::steps_one_by_one);
        let found =
            if never_at_rest { Err(Why::NeverAtRest) } else { matching.best(member)?.ok_or(Why::NoLearningRate) };
        match found {
            Ok(found) => tuned.push(found),
            Err(why) => left_out.push(LeftOut { name: member.name, why }),
        }
    }
    Ok(Some(AtTheSameFinalLoss { final_loss: problem.least_loss() + goal, tuned, left_out }))
}

struct Matching<'s> {
    search: &'s Search<'s>,
    /// The inner optimizer's learning rate.
    lr: f64,
    /// The final loss above the least one.
    goal: f64,
}

impl Matching<'_> {
    fn best(&self, member: &Member) -> Result<Option<Tuned>, Error> {
        let points = self.search.points(member)?;
        let of_setting = |&setting: &Setting| self.matched(member.name, setting, points);
        let found = member.settings.par_iter().map(of_setting).collect::<Result<Vec<_>, Error>>()?;
        Ok(found.into_iter().flatten().min_by(by_loss))
    }

    /// The learning rate of a setting that ends at the goal; none where no two points of the grid lie around one.
    fn matched(&self, name: Name, setting: Setting, points: u32) -> Result<Option<Tuned>, Error> {
        if setting.steps_one_by_one() {
            return Ok(None);
        }
        let last = LAST * setting.lr_limit(self.search.problem.eigenvalues().largest());
        let first = (FIRST * self.lr).max(SMALLEST).min(0.5 * last);
        // The ends may be so far apart, or so small, that neither their quotient nor their product is a double.
        let at = |i: u32| {
            let part = f64::from(i) / f64::from(points - 1);
            first.powf(1.0 - part) * last.powf(part)
        };
        let above = |lr: f64| Ok::<_, Error>(self.final_above(setting, lr)? > self.goal);
        let sides = (0..points).map(|i| above(at(i))).collect::<Result<Vec<bool>, Error>>()?;
        let mut best: Option<Tuned> = None;
        for i in (1..points).filter(|&i| sides[i as usize] != sides[i as usize - 1]) {
            let (mut low, mut high) = (at(i - 1), at(i));
            for _ in 0..REFINEMENT {
                let middle = low.sqrt() * high.sqrt();
                if above(middle)? == sides[i as usize] { high = middle } else { low = middle }
            }
            let lr = self.between(setting, low, high)?;
            let found = self.final_above(setting, lr)?;
            if (found - self.goal).abs() > NEAR * self.goal {
                continue;
            }
            let above_least = self.search.above_least(setting, lr)?;
            let least = self.search.problem.least_loss();
            let (loss, final_loss) = (least + above_least, Some(least + found));
            let found = Tuned { name, setting, lr, end: None, loss, above_least, final_loss };
            best = best.into_iter().chain([found]).min_by(by_loss);
        }
        Ok(best)
    }

    /// Where the straight line between two ends meets the goal: the digits that halving leaves out.
    fn between(&self, setting: Setting, low: f64, high: f64) -> Result<f64, Error> {
        let [from, to] = [self.final_above(setting, low)?, self.final_above(setting, high)?];
        let lr = low + (high - low) * ((self.goal - from) / (to - from));
        Ok(if (low..=high).contains(&lr) { lr } else { low })
    }

    /// Infinite where there is no fixed point.
    fn final_above(&self, setting: Setting, lr: f64) -> Result<f64, Error> {
        Ok(self.search.final_above_least(setting, lr)?.unwrap_or(f64::INFINITY))
    }
}
