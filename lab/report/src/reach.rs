//! How soon a group is where its baseline ends: the steps that it saves, or does not.

use serde::{Deserialize, Serialize};

use super::{Measure, Run};
use lookahead_runs::format::counted;
use lookahead_runs::statistics::Spread;

/// At which part of the baseline's steps a group's validation loss was first at or below the baseline's final one, seed by
/// seed, as far as evaluations tell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reach {
    /// Pairs of finished runs in which the baseline's final loss is finite.
    pub pairs: u32,
    /// In how many of them the group got there.
    pub reached: u32,
    /// The part of the baseline's steps after which it did, over these.
    pub share: Option<Spread>,
}

impl Reach {
    /// `None` where no seed has both runs finished.
    pub(super) fn of(treated: &[Run], control: &[Run]) -> Option<Self> {
        let pairs = treated.iter().zip(control).filter_map(|(treated, control)| {
            let (_, end) = (treated.finished()?, control.finished()?);
            Some(share(treated, Measure::ValidLoss.at_end(control)?, end.steps))
        });
        let pairs: Vec<Option<f64>> = pairs.collect();
        let reached: Vec<f64> = pairs.iter().copied().flatten().collect();
        (!pairs.is_empty()).then(|| Self {
            pairs: pairs.len() as u32,
            reached: reached.len() as u32,
            share: Spread::of(&reached),
        })
    }

    /// A sentence of a table, without its subject.
    pub fn in_words(&self, baseline: &str) -> String {
        let Self { pairs, reached, share } = self;
        match share {
            Some(share) => {
                let percent = format!("{:.0} %", 100.0 * share.mean);
                format!(
                    "at {baseline}'s final validation loss after {percent} of its steps ({reached} of {})",
                    counted(u64::from(*pairs), "seed")
                )
            }
            None => {
                format!("never at {baseline}'s final validation loss ({})", counted(u64::from(*pairs), "seed"))
            }
        }
    }
}

/// The part of `steps` after which a run's validation loss was first at or below `loss`.
fn share(run: &Run, loss: f64, steps: u64) -> Option<f64> {
    let there = |row: &&lookahead_runs::MetricsRow| row.scores.get(Measure::ValidLoss).is_some_and(|own| own <= loss);
    Some(run.rows.iter().find(there)?.step as f64 / steps.max(1) as f64)
}
