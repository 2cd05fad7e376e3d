//! `lookahead theory rate` (Sec. 3.2, App. B.1, Fig. 4)

use lookahead_runs::wrapped;
use lookahead_theory::{
    OuterCycle, Rate, Regime, check_outer_search, check_search, largest_stable_rate, optimal_outer_rate, optimal_rates,
    outer_convergence_rate, rates_at,
};

use super::problem::{MomentumOptions, OuterOptions, PairOptions, SpectrumOptions, name_of};
use super::values;
use crate::commands::{say, table};

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[command(flatten)]
    spectrum: SpectrumOptions,
    /// The learning rate for both, above 0 and below 2 (1 + BETA) / L; without it the best one for each.
    #[arg(long, value_name = "LR", value_parser = values::number, allow_hyphen_values = true)]
    lr: Option<f64>,
    #[command(flatten)]
    momentum: MomentumOptions,
    #[command(flatten)]
    pair: PairOptions,
    #[command(flatten)]
    outer: OuterOptions,
    /// Print JSON instead of a table.
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  lookahead theory rate --spectrum log --dim 64 --momentum 0.99 --k 20
  lookahead theory rate --lr 1 --k 5 --outer nesterov --outer-momentum 0.9

JSON keys: momentum and lookahead, each with lr and rate (1 - contraction per inner step; negative where it diverges); \
outer too where an outer step is asked for, with largest_stable_eta, below which every direction is stable (or null). The best learning rate is flat at its top: of rates that are equal to 1e-9 the smallest is shown.";

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
    let of_outer = |cycle: OuterCycle| {
        let lr = match arguments.lr {
            Some(lr) => lr,
            None => {
                check_outer_search(&eigenvalues, momentum, &cycle)?;
                optimal_outer_rate(&eigenvalues, momentum, &cycle).lr
            }
        };
        // Refuses what is not finite, also the best of a search.
        let rate = Rate { lr, rate: outer_convergence_rate(&eigenvalues, lr, momentum, &cycle)? };
        Ok((cycle, rate, largest_stable_rate(&eigenvalues, rate.lr, momentum, &cycle)?))
    };
    let outer =
        arguments.outer.cycle(&arguments.pair, inner_state).map(of_outer).transpose().map_err(super::refused)?;
    if arguments.json {
        let mut found = serde_json::to_value(found)?;
        if let Some((_, rate, largest)) = outer {
            found["outer"] = serde_json::to_value(rate)?;
            // no number stands for infinity
            found["outer"]["largest_stable_eta"] = largest.into();
        }
        return Ok(say(serde_json::to_string_pretty(&found)?)?);
    }
    let mut table = table(["optimizer", "learning rate", "convergence rate per step"]);
    for (name, rate) in [("momentum alone", found.momentum), ("Lookahead(momentum)", found.lookahead)] {
        table.add_row([name.to_owned(), super::short(rate.lr), super::short(rate.rate)]);
    }
    let mut stable = String::new();
    if let Some((cycle, rate, largest)) = outer {
        table.add_row([name_of(&cycle), super::short(rate.lr), super::short(rate.rate)]);
        stable = match largest {
            0.0 => "\nno eta is stable at this learning rate".to_owned(),
            largest if largest.is_finite() => {
                format!("\nthe outer step is stable for each eta below {}", super::short(largest))
            }
            _ => "\nthe outer step is stable for each eta".to_owned(),
        };
    }
    let regime = match Regime::of(found.momentum.lr, eigenvalues.smallest(), momentum).map_err(super::refused)? {
        Regime::OverDamped => "over-damped: it approaches without oscillating",
        Regime::Critical => "critically damped: no learning rate is faster there",
        Regime::UnderDamped => "under-damped: it oscillates",
        Regime::Alternating => "alternating: it changes sign at each step",
    };
    let flattest = wrapped(&format!("in the flattest direction momentum alone is {regime}"), "", "");
    Ok(say(format!("{table}\n\n{flattest}{stable}"))?)
}
