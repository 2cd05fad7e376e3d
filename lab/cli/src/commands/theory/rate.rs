//! `lookahead theory rate` (Sec. 3.2, App. B.1, Fig. 4)

use lookahead_theory::{Regime, check_search, optimal_rates, rates_at};

use super::problem::{MomentumOptions, PairOptions, SpectrumOptions};
use crate::commands::{say, table};

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Arguments {
    #[command(flatten)]
    spectrum: SpectrumOptions,
    /// The learning rate for both, above 0 and below 2 (1 + BETA) / L; without it the best one for each.
    #[arg(long, value_name = "LR")]
    lr: Option<f64>,
    #[command(flatten)]
    momentum: MomentumOptions,
    #[command(flatten)]
    pair: PairOptions,
    /// Print JSON instead of a table.
    #[arg(long)]
    json: bool,
}

const EXAMPLE: &str = "\
Example:
  lookahead theory rate --spectrum log --dim 64 --condition-number 1000 --momentum 0.99 --k 20 --alpha 0.5

JSON keys: momentum and lookahead, each with lr and rate (1 - contraction per inner step; negative where it diverges).
The best learning rate is flat at its top: of rates that are equal to 1e-9 the smallest is shown.";

pub fn rate(arguments: &Arguments) -> anyhow::Result<()> {
    let eigenvalues = arguments.spectrum.eigenvalues()?;
    let MomentumOptions { momentum, inner_state } = arguments.momentum;
    let cycle = arguments.pair.cycle(inner_state);
    let found = match arguments.lr {
        Some(lr) => rates_at(&eigenvalues, lr, momentum, &cycle).map_err(super::refused)?,
        None => {
            check_search(&eigenvalues, momentum, &cycle).map_err(super::refused)?;
            optimal_rates(&eigenvalues, momentum, &cycle)
        }
    };
    if arguments.json {
        return Ok(say(serde_json::to_string_pretty(&found)?)?);
    }
    let mut table = table(["optimizer", "learning rate", "convergence rate per step"]);
    for (name, rate) in [("momentum alone", found.momentum), ("Lookahead(momentum)", found.lookahead)] {
        table.add_row([name.to_owned(), super::short(rate.lr), super::short(rate.rate)]);
    }
    let regime = match Regime::of(found.momentum.lr, eigenvalues.smallest(), momentum).map_err(super::refused)? {
        Regime::OverDamped => "over-damped: it creeps",
        Regime::UnderDamped => "under-damped: it oscillates",
        Regime::Alternating => "alternating: it changes sign at each step",
    };
    Ok(say(format!("{table}\n\nin the flattest direction momentum alone is {regime}"))?)
}
