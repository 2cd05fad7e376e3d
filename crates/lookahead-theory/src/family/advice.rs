//! The family beside advice on k and alpha, within seconds, and the outer steps in use that diverge.

use lookahead::{OuterForm, SyncPeriod};
use serde::Serialize;

use super::in_use::steps_in_use;
use super::{AtTheSameFinalLoss, Budget, LeftOut, Member, Setting, Tuned, Why, at_the_same_final_loss, compare};
use crate::{
    AdviceGrid, Eigenvalues, Error, Momentum, NoisyQuadratic, OuterCycle, largest_stable_rate, outer_convergence_rate,
};

/// What is computed of each member: the fewest learning rates for each of 20 settings.
const LOSSES: u32 = 1000;
/// The most eigenvalues with which the family takes a few seconds.
const MOST_EIGENVALUES: usize = 250;
/// The most eigenvalues times steps of a mean of all weights: a second or two.
const MOST_STEPS: u64 = 200_000;

/// The family for the question that [`advise`](crate::advise) answers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FamilyAdvice {
    /// Each member at its best, as [`compare`](super::compare) finds it with 1000 losses.
    pub tuned: Vec<Tuned>,
    /// The members that would take too long: all of them for more than 250 eigenvalues.
    pub left_out: Vec<LeftOut>,
    /// The members at the final loss that the inner optimizer alone has with the given learning rate; none without
    /// noise, nor where all would take too long.
    pub at_the_same_final_loss: Option<AtTheSameFinalLoss>,
    /// Outer steps in use that diverge at the given learning rate and momentum, for the k compared.
    pub diverging: Vec<Diverging>,
}

/// An outer step in use with those k for which it diverges.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Diverging {
    /// Whose it is.
    pub source: &'static str,
    /// Which d it takes.
    pub form: OuterForm,
    /// eta.
    pub rate: f64,
    /// mu.
    pub momentum: f64,
    /// For each such k the [`largest_stable_rate`]: 0 where no eta is stable.
    pub largest_stable: Vec<(SyncPeriod, f64)>,
}

/// The members around SGD with this momentum and the grid's policy for its velocity, each at its best and at the same
/// final loss; and which k of the grid the outer steps of SNOO,
/// MuLoCo, DiLoCo and SlowMo diverge with.
///
/// # Errors
/// [`Error::OutOfRange`] unless `0 < lr < 2 (1 + beta) / L` and the start is accepted.
///
/// ```
/// use lookahead_theory::family::{Name, advise};
/// use lookahead_theory::{AdviceGrid, Momentum, Noise, NoisyQuadratic, Spectrum};
/// let problem = NoisyQuadratic::new(Spectrum::Harmonic { dim: 5 }.eigenvalues()?, &Noise::InverseCurvature)?;
/// let advice = advise(&problem, 0.1, Momentum::new(0.9)?, &AdviceGrid::default())?;
/// assert_eq!(advice.tuned[0].name, Name::InnerAlone);
/// assert!(advice.diverging.iter().any(|diverging| diverging.source == "DiLoCo"));
/// # Ok::<(), lookahead_theory::Error>(())
/// ```
pub fn advise(problem: &NoisyQuadratic, lr: f64, momentum: Momentum, grid: &AdviceGrid) -> Result<FamilyAdvice, Error> {
    let diverging = diverging(problem.eigenvalues(), lr, momentum, grid)?;
    let budget = Budget { steps: grid.steps, losses: LOSSES, start: grid.start };
    let all = Member::all(momentum).into_iter().map(|member| member.with_inner_state(grid.inner_state));
    let all: Vec<Member> = all.collect();
    let dim = problem.directions().len();
    let fits = |member: &Member| {
        let one_by_one = member.settings.iter().any(Setting::steps_one_by_one);
        dim <= MOST_EIGENVALUES && !(one_by_one && grid.steps.saturating_mul(dim as u64) > MOST_STEPS)
    };
    let (short, long): (Vec<Member>, Vec<Member>) = all.iter().cloned().partition(fits);
    let at_the_same_final_loss = match dim {
        0..=MOST_EIGENVALUES => at_the_same_final_loss(problem, &all, &budget, lr, momentum)?,
        _ => None,
    };
    Ok(FamilyAdvice {
        tuned: compare(problem, &short, &budget)?,
        left_out: long.iter().map(|member| LeftOut { name: member.name, why: Why::TooMuchWork }).collect(),
        at_the_same_final_loss,
        diverging,
    })
}

fn diverging(
    eigenvalues: &Eigenvalues,
    lr: f64,
    momentum: Momentum,
    grid: &AdviceGrid,
) -> Result<Vec<Diverging>, Error> {
    let mut found = Vec::new();
    for (source, form, rate, outer_momentum) in steps_in_use() {
        let mut largest_stable = Vec::new();
        for &sync_period in &grid.sync_periods {
            let inner_state = grid.inner_state;
            let cycle = OuterCycle { sync_period, rate, momentum: outer_momentum, form, inner_state };
            // A rate that is not finite tells nothing.
            if outer_convergence_rate(eigenvalues, lr, momentum, &cycle).is_ok_and(|rate| rate < 0.0) {
                largest_stable.push((sync_period, largest_stable_rate(eigenvalues, lr, momentum, &cycle)?));
            }
        }
        if !largest_stable.is_empty() {
            let (rate, momentum) = (rate.get(), outer_momentum.get());
            found.push(Diverging { source, form, rate, momentum, largest_stable });
        }
    }
    Ok(found)
}
