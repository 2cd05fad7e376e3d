//! Fig. 3, 11 (a) and 11 (b): the expected progress of SGD and Lookahead on the noisy quadratic, settings with the same
//! final loss compared (Sec. 3.1, App. A.1).

use lookahead::{Alpha, SyncPeriod};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{Better, Claim};
use crate::error::{accept, short};
use crate::matched_rate::matched_rate;
use crate::{ConditionNumber, Cycle, Dynamics, Error, Moments, Momentum, Noise, NoisyQuadratic, Progress, Spectrum};

/// The most learning rates of all alphas together: each is kept.
const MOST_SLICES: u64 = 500_000;
/// The most learning rates of all alphas and eigenvalues together: some ten seconds.
const MOST_WORK: u64 = 200_000_000;
/// A distance below this part of the terms that it is the sum of is rounding.
const ROUNDING: f64 = 1e-12;

/// What the figures show. The paper gives Sigma = A^-1, learning rates in (0, 1), k = 5 and T = 1000 (App. A.1); the
/// rest are our defaults, which it does not give.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NoisyProgress {
    /// The eigenvalues. Default Li's worst case with 1000 of them and condition number 1000 (neither is given).
    pub spectrum: Spectrum,
    /// The noise. Default Sigma = A^-1.
    pub noise: Noise,
    /// k. Default 5.
    pub sync_period: SyncPeriod,
    /// The alphas of Lookahead's curves. Default 0.1 to 0.9 in tenths (not given).
    pub alphas: Vec<Alpha>,
    /// T, the inner steps, a multiple of k. Default 1000.
    pub steps: u64,
    /// How many learning rates, spread evenly over (0, 1) without its ends. Default 1000.
    pub learning_rates: usize,
    /// The initial mean in every direction; the initial variance is 0. Default 1 (not given).
    pub initial_mean: f64,
}

impl Default for NoisyProgress {
    fn default() -> Self {
        Self::fig03()
    }
}

/// One learning rate of one optimizer.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ProgressPoint {
    /// The learning rate.
    pub lr: f64,
    /// The horizontal axis: the expected loss at the fixed point.
    pub final_loss: f64,
    /// The expected loss after T steps.
    pub loss: f64,
    /// The vertical axis: how far that is from the final loss.
    pub excess: f64,
}

/// One optimizer over all learning rates, which rise.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ProgressCurve {
    /// Lookahead's alpha; none for SGD alone.
    pub alpha: Option<Alpha>,
    /// Its points.
    pub points: Vec<ProgressPoint>,
}

/// A vertical slice: Lookahead, and SGD with the learning rate that reaches the same final loss.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Slice {
    /// Lookahead's alpha.
    pub alpha: Alpha,
    /// The final loss of both.
    pub final_loss: f64,
    /// Lookahead's learning rate.
    pub lookahead_lr: f64,
    /// SGD's.
    pub sgd_lr: f64,
    /// How far Lookahead is from the final loss after T steps.
    pub lookahead_excess: f64,
    /// How far SGD is.
    pub sgd_excess: f64,
}

/// The curves, the slices, and the claims.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NoisyProgressData {
    /// SGD's curve, then one for each alpha.
    pub curves: Vec<ProgressCurve>,
    /// For each alpha and each of its learning rates, the slice through that point.
    pub slices: Vec<Slice>,
    /// For each alpha, in their order: does Lookahead make more progress than SGD?
    pub claims: Vec<Claim>,
}

impl NoisyProgressData {
    /// "Lookahead outperforms SGD across the broad spectrum of alpha values" (Fig. 3; with one alpha, Fig. 11 (a)):
    /// for each alpha it makes more progress in more than half of the slices.
    #[must_use]
    pub fn better_for_every_alpha(&self) -> bool {
        self.claims.iter().all(|claim| claim.holds)
    }

    /// "Even with only a few updates there are choices of alpha which are able to outperform SGD" (Fig. 11 (b)).
    #[must_use]
    pub fn better_for_some_alpha(&self) -> bool {
        self.claims.iter().any(|claim| claim.holds)
    }

    /// "Here SGD outperforms Lookahead for some smaller choices of alpha" (Fig. 11 (b)): for the smallest alpha at
    /// least.
    #[must_use]
    pub fn worse_for_smallest_alpha(&self) -> bool {
        let with_alphas = self.curves.iter().filter_map(|curve| curve.alpha).zip(&self.claims);
        with_alphas.min_by(|a, b| a.0.get().total_cmp(&b.0.get())).is_some_and(|(_, claim)| claim.is_behind())
    }
}

impl NoisyProgress {
    /// Fig. 3: progress after 1000 steps for a range of alphas.
    #[must_use]
    pub fn fig03() -> Self {
        let condition_number = ConditionNumber::THOUSAND;
        Self {
            spectrum: Spectrum::Chebyshev { dim: 1000, condition_number },
            noise: Noise::InverseCurvature,
            sync_period: SyncPeriod::default(),
            alphas: (1..=9).flat_map(|tenths| Alpha::new(f64::from(tenths) / 10.0)).collect(),
            steps: 1000,
            learning_rates: 1000,
            initial_mean: 1.0,
        }
    }

    /// Fig. 11 (a): the same for alpha = 0.4 alone.
    #[must_use]
    pub fn fig11a() -> Self {
        Self { alphas: Alpha::new(0.4).into_iter().collect(), ..Self::fig03() }
    }

    /// Fig. 11 (b): the same early on. "Only a few updates" is our 50.
    #[must_use]
    pub fn fig11b() -> Self {
        Self { steps: 50, ..Self::fig03() }
    }

    /// Computes the figure, on all cores.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] if there is no learning rate or no step, or if the spectrum or the initial mean is refused;
    /// [`Error::StepsEndInsideCycle`]; [`Error::Empty`] without an alpha; [`Error::NoiseCount`] or
    /// [`Error::ListedOutOfRange`] for the noise; [`Error::TooMuchWork`] for more than seconds of it;
    /// [`Error::DistanceTooSmall`] where a distance to the final loss is nothing but rounding.
    ///
    /// ```
    /// use lookahead_theory::Spectrum;
    /// use lookahead_theory::figures::NoisyProgress;
    /// let spectrum = Spectrum::Harmonic { dim: 10 };
    /// let data = NoisyProgress { spectrum, learning_rates: 9, ..NoisyProgress::fig11a() }.compute()?;
    /// assert_eq!(data.curves.len(), 2);
    /// for slice in &data.slices {
    ///     assert!(slice.sgd_lr < slice.lookahead_lr);
    /// }
    /// # Ok::<(), lookahead_theory::Error>(())
    /// ```
    pub fn compute(&self) -> Result<NoisyProgressData, Error> {
        let count = self.learning_rates;
        accept("the number of learning rates", count as f64, count > 0, "at least 1")?;
        if self.alphas.is_empty() {
            return Err(Error::Empty { name: "alpha" });
        }
        // After no step at all the distances are equal, up to rounding.
        accept("the number of steps", self.steps as f64, self.steps > 0, "at least 1")?;
        self.check_work()?;
        let problem = NoisyQuadratic::new(self.spectrum.eigenvalues()?, &self.noise)?;
        let rates: Vec<f64> = (1..=count).map(|i| i as f64 / (count + 1) as f64).collect();

        let curve = |alpha: Option<Alpha>| -> Result<Vec<(f64, Progress)>, Error> {
            rates.par_iter().map(|&lr| Ok((lr, self.progress(&problem, lr, alpha)?))).collect()
        };
        let mut curves = vec![ProgressCurve::new(None, &curve(None)?)];
        let (mut slices, mut claims) = (Vec::new(), Vec::new());
        for &alpha in &self.alphas {
            let points = curve(Some(alpha))?;
            let through: Result<Vec<Slice>, Error> =
                points.par_iter().map(|(lr, progress)| self.slice(&problem, alpha, *lr, progress)).collect();
            let through = through?;
            claims.push(claim_about(alpha, &through));
            slices.extend(through);
            curves.push(ProgressCurve::new(Some(alpha), &points));
        }
        Ok(NoisyProgressData { curves, slices, claims })
    }

    /// Learning rates times alphas fit into memory, and times eigenvalues are computed in seconds.
    fn check_work(&self) -> Result<(), Error> {
        let slices = (self.learning_rates as u64).saturating_mul(self.alphas.len() as u64);
        let size = slices.saturating_mul(self.spectrum.dim() as u64);
        for (what, size, most, less) in [
            ("the number of learning rates times alphas", slices, MOST_SLICES, "take fewer of either"),
            ("the number of learning rates, alphas and eigenvalues, multiplied,", size, MOST_WORK, "take fewer of any"),
        ] {
            if size > most {
                return Err(Error::TooMuchWork { what, size, most, less });
            }
        }
        Ok(())
    }

    fn cycle(&self, alpha: Option<Alpha>) -> Cycle {
        alpha.map_or(Cycle::inner_alone(), |alpha| Cycle { sync_period: self.sync_period, alpha, ..Cycle::default() })
    }

    /// A distance to the final loss that is all rounding is refused: no claim can be judged by it. A start that stays
    /// where it is has none at all.
    fn progress(&self, problem: &NoisyQuadratic, lr: f64, alpha: Option<Alpha>) -> Result<Progress, Error> {
        let dynamics = Dynamics::new(problem, lr, Momentum::NONE, self.cycle(alpha))?;
        let start = Moments::at(self.initial_mean);
        let (progress, terms) = dynamics.measured_progress(start, self.steps)?;
        let stays = self.initial_mean == 0.0 && progress.above_least == 0.0;
        if !stays && progress.excess.abs() <= (ROUNDING * terms).max(f64::MIN_POSITIVE) {
            return Err(Error::DistanceTooSmall { lr, steps: self.steps });
        }
        Ok(progress)
    }

    /// SGD with the same final loss as Lookahead with this alpha and learning rate.
    fn slice(&self, problem: &NoisyQuadratic, alpha: Alpha, lr: f64, progress: &Progress) -> Result<Slice, Error> {
        let sgd_lr = matched_rate(problem, Momentum::NONE, progress.above_least, lr);
        Ok(Slice {
            alpha,
            final_loss: progress.final_loss,
            lookahead_lr: lr,
            sgd_lr,
            lookahead_excess: progress.excess,
            sgd_excess: self.progress(problem, sgd_lr, None)?.excess,
        })
    }
}

impl ProgressCurve {
    fn new(alpha: Option<Alpha>, points: &[(f64, Progress)]) -> Self {
        let point = |&(lr, Progress { final_loss, excess, .. }): &(f64, Progress)| ProgressPoint {
            lr,
            final_loss,
            loss: final_loss + excess,
            excess,
        };
        Self { alpha, points: points.iter().map(point).collect() }
    }
}

fn claim_about(alpha: Alpha, slices: &[Slice]) -> Claim {
    let statement = format!(
        "Lookahead with alpha = {} is nearer to the final loss than SGD with the same final loss",
        short(alpha.get())
    );
    // From above or, after a start that is nearer to the optimum than the final loss, from below.
    let points: Vec<(f64, f64)> =
        slices.iter().map(|slice| (slice.lookahead_excess.abs(), slice.sgd_excess.abs())).collect();
    Claim::new(statement, Better::Lower, &points)
}
