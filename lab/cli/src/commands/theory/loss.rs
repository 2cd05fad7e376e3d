//! `lookahead theory loss` (Eq. 5 to 11)

use lookahead_runs::format::counted;
use lookahead_theory::{Error, Moments, OuterCycle, OuterDynamics, expected_losses};

use super::problem::{MomentumOptions, NoiseOptions, OuterOptions, PairOptions, SpectrumOptions, name_of};
use super::values;
use crate::commands::{say, table};

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[command(flatten)]
    spectrum: SpectrumOptions,
    #[command(flatten)]
    noise: NoiseOptions,
    /// The learning rate, above 0 and below 2 (1 + BETA) / L, where L is the largest eigenvalue.
    #[arg(long, value_name = "LR", value_parser = values::number, allow_hyphen_values = true)]
    lr: f64,
    #[command(flatten)]
    momentum: MomentumOptions,
    #[command(flatten)]
    pair: PairOptions,
    #[command(flatten)]
    outer: OuterOptions,
    /// The inner steps after which to look, a multiple of K.
    #[arg(long, value_name = "T", default_value_t = 1000, value_parser = values::whole::<0, { u64::MAX }>,
        allow_negative_numbers = true)]
    steps: u64,
    /// The mean of the weights at the start, in every direction; their variance is 0.
    #[arg(long, value_name = "MEAN", default_value_t = 1.0, value_parser = values::number, allow_hyphen_values = true)]
    initial_mean: f64,
    /// Print JSON instead of a table.
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  lookahead theory loss --dim 100 --condition-number 1000 --lr 0.5 --k 5
  lookahead theory loss --lr 0.1 --k 20 --outer nesterov --eta 0.7 --outer-momentum 0.6

JSON keys: sgd and lookahead (the expected losses after the steps, the noise term of Eq. 5 included), sgd_final and \
lookahead_final (those at the fixed points), outer and outer_final (null where it diverges) where an outer step is asked for.";

pub fn loss(arguments: &Arguments) -> anyhow::Result<()> {
    let Arguments { lr, momentum, steps, .. } = arguments;
    let problem = arguments.noise.problem(arguments.spectrum.eigenvalues()?)?;
    let cycle = arguments.pair.cycle(momentum.inner_state);
    let start = Moments::at(arguments.initial_mean);
    let found = expected_losses(&problem, *lr, momentum.momentum, &cycle, start, *steps).map_err(super::refused)?;
    let outer = arguments.outer.cycle(&arguments.pair, momentum.inner_state);
    let of_outer = |cycle: OuterCycle| {
        let dynamics = OuterDynamics::new(&problem, *lr, momentum.momentum, cycle)?;
        let at_rest = match dynamics.final_loss() {
            Err(Error::Diverges { .. }) => None,
            found => Some(found?),
        };
        Ok((cycle, dynamics.loss_after(start, *steps)?, at_rest))
    };
    let outer = outer.map(of_outer).transpose().map_err(super::refused)?;
    if arguments.json {
        let mut found = serde_json::to_value(found)?;
        if let Some((_, loss, at_rest)) = outer {
            (found["outer"], found["outer_final"]) = (loss.into(), at_rest.into());
        }
        return Ok(say(serde_json::to_string_pretty(&found)?)?);
    }
    let mut table =
        table(["optimizer", &format!("expected loss after {}", counted(*steps, "step")), "at the fixed point"]);
    table.add_row(["SGD".to_owned(), super::short(found.sgd), super::short(found.sgd_final)]);
    table.add_row(["Lookahead(SGD)".to_owned(), super::short(found.lookahead), super::short(found.lookahead_final)]);
    if let Some((cycle, loss, at_rest)) = outer {
        let at_rest = at_rest.map_or_else(|| "none: it diverges".to_owned(), super::short);
        table.add_row([name_of(&cycle), super::short(loss), at_rest]);
    }
    Ok(say(format!("{table}\n\nloss at the optimum {}", super::short(problem.least_loss())))?)
}
