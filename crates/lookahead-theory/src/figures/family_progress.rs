//! Fig. 3 for Lookahead's descendants and for averages (not in the paper): how far each is from its final loss after T
//! steps, settings with the same final loss compared.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{Better, Claim};
use crate::error::accept;
use crate::family::{Name, Setting};
use crate::limits::check_count;
use crate::{
    Average, AverageDynamics, Cycle, Error, Moments, Noise, NoisyQuadratic, OuterCycle, OuterDynamics, Spectrum,
};
use crate::{ConditionNumber, Momentum};

/// The first learning rate, as a part of the largest that converges.
const FIRST: f64 = 1e-3;
/// The last one.
const LAST: f64 = 0.999;
/// The ends between which a learning rate with a given final loss is looked for.
const ENDS: [f64; 2] = [1e-12, 1.0 - 1e-9];
/// How close the logarithm of its final loss comes, and the most steps that it takes.
const CLOSE: f64 = 1e-13;
const MOST_STEPS: u32 = 60;
/// A distance below this part of the terms that it is the sum of is rounding.
const ROUNDING: f64 = 1e-10;
/// The most learning rates times members times eigenvalues: some ten seconds.
const MOST_WORK: u64 = 10_000_000;

/// What the figure shows. All around plain SGD, with the spectrum, noise, start and steps of Fig. 3.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FamilyProgress {
    /// The eigenvalues. Default Li's worst case with 1000 of them and condition number 1000.
    pub spectrum: Spectrum,
    /// The noise. Default Sigma = A^-1.
    pub noise: Noise,
    /// T, the inner steps, a multiple of each k. Default 1000.
    pub steps: u64,
    /// How many learning rates each has, spread evenly over their logarithm, from 1e-3 of the largest that converges to
    /// 0.999 of it. Default 300.
    pub learning_rates: usize,
    /// The initial mean in every direction; the initial variance is 0. Default 1.
    pub initial_mean: f64,
    /// The paper's Lookahead. Default k = 5, alpha = 0.5.
    pub lookahead: Cycle,
    /// An outer step with Nesterov momentum. Default SNOO's eta and mu with k = 5.
    pub nesterov: OuterCycle,
    /// One with the heavy ball. Default SlowMo's eta and mu with k = 5.
    pub heavy_ball: OuterCycle,
    /// The decay of an exponential average. Default 0.9.
    pub decay: f64,
    /// GPA's mu_x and mu_y. Default 0.9 and 0.7.
    pub gpa: [f64; 2],
}

impl Default for FamilyProgress {
    fn default() -> Self {
        // Numbers in their ranges: the others are never taken.
        let cycle = |eta, mu| OuterCycle::new(5, eta, mu).unwrap_or_else(|_| Cycle::default().into());
        Self {
            spectrum: Spectrum::Chebyshev { dim: 1000, condition_number: ConditionNumber::THOUSAND },
            noise: Noise::InverseCurvature,
            steps: 1000,
            learning_rates: 300,
            initial_mean: 1.0,
            lookahead: Cycle::default(),
            nesterov: cycle(0.68, 0.37),
            heavy_ball: OuterCycle { form: lookahead::OuterForm::HeavyBall, ..cycle(1.0, 0.5) },
            decay: 0.9,
            gpa: [0.9, 0.7],
        }
    }
}

/// A member at one learning rate.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct MemberPoint {
    /// The learning rate.
    pub lr: f64,
    /// How far the loss at the fixed point is above the least one.
    pub final_above_least: f64,
    /// How far the loss after T steps is from that at the fixed point.
    pub excess: f64,
}

/// A member over its learning rates, which rise; those without a fixed point, and those whose distance is rounding, are
/// left out.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MemberCurve {
    /// Which.
    pub name: Name,
    /// Its points.
    pub points: Vec<MemberPoint>,
    /// How many learning rates were left out.
    pub left_out: usize,
}

/// A member and another one with the same final loss.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct MemberSlice {
    /// Which.
    pub name: Name,
    /// Its point.
    pub point: MemberPoint,
    /// The other, [`Name::InnerAlone`] or [`Name::Lookahead`].
    pub beside: Name,
    /// Its point.
    pub other: MemberPoint,
}

/// The curves and the comparisons.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FamilyProgressData {
    /// SGD, Lookahead, Nesterov, heavy ball, exponential average and GPA.
    pub curves: Vec<MemberCurve>,
    /// Each point of all but SGD beside SGD, of all but SGD and Lookahead beside Lookahead, as far as the other has a
    /// learning rate with the same final loss.
    pub slices: Vec<MemberSlice>,
    /// That a member is nearer to the final loss than the other one, member by member.
    pub claims: Vec<MemberClaim>,
}

/// What is so of a member beside another one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MemberClaim {
    /// Which.
    pub name: Name,
    /// The other.
    pub beside: Name,
    /// Counted over their slices.
    pub claim: Claim,
}

impl FamilyProgress {
    /// Computes the figure, on all cores.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] if there are fewer than two learning rates, no step, or a number of a member is refused;
    /// [`Error::StepsEndInsideCycle`]; [`Error::TooMuchWork`] for more than seconds of it.
    ///
    /// ```
    /// use lookahead_theory::Spectrum;
    /// use lookahead_theory::figures::FamilyProgress;
    /// let spectrum = Spectrum::Harmonic { dim: 10 };
    /// let data = FamilyProgress { spectrum, learning_rates: 30, ..FamilyProgress::default() }.compute()?;
    /// assert!(data.curves.len() == 6 && data.claims.len() == 9);
    /// # Ok::<(), lookahead_theory::Error>(())
    /// ```
    pub fn compute(&self) -> Result<FamilyProgressData, Error> {
        check_count(self.spectrum.dim())?;
        let count = self.learning_rates;
        accept("the number of learning rates", count as f64, count > 1, "at least 2")?;
        accept("the number of steps", self.steps as f64, self.steps > 0, "at least 1")?;
        let members = self.members()?;
        let size = (members.len() as u64).saturating_mul(count as u64).saturating_mul(self.spectrum.dim() as u64);
        if size > MOST_WORK {
            let what = "the number of learning rates, members and eigenvalues, multiplied,";
            return Err(Error::TooMuchWork { what, size, most: MOST_WORK, less: "take fewer of any" });
        }
        let problem = NoisyQuadratic::new(self.spectrum.eigenvalues()?, &self.noise)?;
        let figure = Figure { problem: &problem, start: Moments::at(self.initial_mean).check()?, steps: self.steps };
        let curves = members.iter().map(|&(name, setting)| figure.curve(name, setting, count));
        let curves = curves.collect::<Result<Vec<MemberCurve>, Error>>()?;
        let (mut slices, mut claims) = (Vec::new(), Vec::new());
        for beside in [Name::InnerAlone, Name::Lookahead] {
            let Some(&(_, other)) = members.iter().find(|(name, _)| *name == beside) else { continue };
            for curve in curves.iter().filter(|curve| curve.name != Name::InnerAlone && curve.name != beside) {
                let name = curve.name;
                let slice = |point: &MemberPoint| {
                    let found = figure.matched(other, point.final_above_least)?;
                    Ok(found.map(|other| MemberSlice { name, point: *point, beside, other }))
                };
                let through = curve.points.par_iter().map(slice).collect::<Result<Vec<_>, Error>>()?;
                let through: Vec<MemberSlice> = through.into_iter().flatten().collect();
                claims.push(MemberClaim { name, beside, claim: claim_about(&through) });
                slices.extend(through);
            }
        }
        Ok(FamilyProgressData { curves, slices, claims })
    }

    fn members(&self) -> Result<Vec<(Name, Setting)>, Error> {
        let inner = |cycle: OuterCycle| Setting::Loop { momentum: Momentum::NONE, cycle };
        let [mu_x, mu_y] = self.gpa;
        Ok(vec![
            (Name::InnerAlone, inner(Cycle::inner_alone().into())),
            (Name::Lookahead, inner(self.lookahead.into())),
            (Name::Nesterov, inner(self.nesterov)),
            (Name::HeavyBall, inner(self.heavy_ball)),
            (Name::Exponential, Setting::Average(Average::exponential(self.decay)?)),
            (Name::Gpa, Setting::Average(Average::gpa(mu_x, mu_y)?)),
        ])
    }
}

/// A noisy quadratic, a start, and the steps after which progress is measured.
struct Figure<'p> {
    problem: &'p NoisyQuadratic,
    start: Moments,
    steps: u64,
}

impl Figure<'_> {
    fn curve(&self, name: Name, setting: Setting, count: usize) -> Result<MemberCurve, Error> {
        let limit = setting.lr_limit(self.problem.eigenvalues().largest());
        let part = |i: usize| FIRST * (LAST / FIRST).powf(i as f64 / (count - 1) as f64);
        let at = |i: usize| self.point(setting, part(i) * limit);
        let points = (0..count).into_par_iter().map(at).collect::<Result<Vec<_>, Error>>()?;
        let points: Vec<MemberPoint> = points.into_iter().flatten().collect();
        Ok(MemberCurve { name, left_out: count - points.len(), points })
    }

    /// `None` without a fixed point, or where the distance to it is rounding.
    fn point(&self, setting: Setting, lr: f64) -> Result<Option<MemberPoint>, Error> {
        let Some(at_rest) = self.at_rest(setting, lr)? else { return Ok(None) };
        let moments = match setting {
            Setting::Loop { momentum, cycle } => {
                OuterDynamics::new(self.problem, lr, momentum, cycle)?.after(self.start, self.steps)?
            }
            Setting::Average(average) => {
                AverageDynamics::new(self.problem, lr, average)?.after(self.start, self.steps)?
            }
        };
        let (mut excess, mut size) = (0.0, 0.0);
        for ((direction, moments), at_rest) in self.problem.directions().iter().zip(moments).zip(&at_rest) {
            let second = moments.mean * moments.mean + moments.variance;
            excess += 0.5 * direction.curvature * (second - at_rest);
            size += 0.5 * direction.curvature * (second + at_rest);
        }
        let final_above_least = self.above_least(&at_rest);
        let point = MemberPoint { lr, final_above_least, excess };
        Ok((excess.abs() > ROUNDING * size && size.is_finite()).then_some(point))
    }

    /// The learning rate with a final loss, by false position (Illinois) over both logarithms: around plain SGD the final
    /// loss rises with it, and is proportional to it where it is small.
    fn matched(&self, setting: Setting, goal: f64) -> Result<Option<MemberPoint>, Error> {
        let limit = setting.lr_limit(self.problem.eigenvalues().largest());
        let above = |ln: f64| -> Result<f64, Error> {
            let at_rest = self.at_rest(setting, ln.exp())?;
            Ok(at_rest.map_or(f64::INFINITY, |at_rest| self.above_least(&at_rest)).ln() - goal.ln())
        };
        let [mut from, mut to] = ENDS.map(|end| (end * limit).ln());
        let [mut at_from, mut at_to] = [above(from)?, above(to)?];
        if !(at_from < 0.0 && at_to > 0.0 && at_to.is_finite()) {
            return Ok(None);
        }
        for _ in 0..MOST_STEPS {
            let next = to - at_to * ((to - from) / (at_to - at_from));
            let here = above(next)?;
            if here * at_to < 0.0 {
                (from, at_from) = (to, at_to)
            } else {
                at_from *= 0.5
            }
            (to, at_to) = (next, here);
            if here.abs() <= CLOSE {
                break;
            }
        }
        self.point(setting, to.exp())
    }

    /// The variances at the fixed point.
    fn at_rest(&self, setting: Setting, lr: f64) -> Result<Option<Vec<f64>>, Error> {
        Ok(match setting {
            Setting::Loop { momentum, cycle } => {
                OuterDynamics::new(self.problem, lr, momentum, cycle)?.final_variances().ok()
            }
            Setting::Average(average) => Some(AverageDynamics::new(self.problem, lr, average)?.final_variances()),
        })
    }

    fn above_least(&self, variances: &[f64]) -> f64 {
        let moments: Vec<Moments> = variances.iter().map(|&variance| Moments { mean: 0.0, variance }).collect();
        self.problem.above_least(&moments)
    }
}

fn claim_about(slices: &[MemberSlice]) -> Claim {
    let statement = "It is nearer to the final loss than the other with the same final loss".to_owned();
    let pairs: Vec<(f64, f64)> =
        slices.iter().map(|slice| (slice.point.excess.abs(), slice.other.excess.abs())).collect();
    Claim::new(statement, Better::Lower, &pairs)
}
