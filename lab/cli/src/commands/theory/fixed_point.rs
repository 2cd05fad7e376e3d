//! `lookahead theory fixed-point` (Prop. 2)

use lookahead::InnerStatePolicy;

use lookahead_theory::{Eigenvalues, Momentum, Noise, NoisyQuadratic, OuterCycle, OuterDynamics};

use super::problem::{OuterOptions, PairOptions, name_of};
use super::values;
use crate::commands::{say, table};

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The curvature a of the direction, above 0.
    #[arg(long, value_name = "A", default_value_t = 1.0, value_parser = values::number, allow_hyphen_values = true)]
    curvature: f64,
    /// The variance sigma^2 of the noisy optimum, at least 0.
    #[arg(long, value_name = "V", default_value_t = 1.0, value_parser = values::number, allow_hyphen_values = true)]
    noise_variance: f64,
    /// The learning rate, above 0 and below 2 / A.
    #[arg(long, value_name = "LR", value_parser = values::number, allow_hyphen_values = true)]
    lr: f64,
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
  lookahead theory fixed-point --lr 0.5 --k 5 --alpha 0.5 --json
  lookahead theory fixed-point --lr 0.5 --outer nesterov --eta 0.7

JSON keys: sgd and lookahead (the variances of Eq. 6 and 7, with Sigma for its square), ratio (the second over the first), \
outer where an outer step is asked for.";

pub fn fixed_point(arguments: &Arguments) -> anyhow::Result<()> {
    let &Arguments { curvature, noise_variance, lr, .. } = arguments;
    let cycle = arguments.pair.cycle(InnerStatePolicy::Maintain);
    let found = lookahead_theory::fixed_point(curvature, noise_variance, lr, &cycle).map_err(super::refused)?;
    let of_outer = |cycle: OuterCycle| -> Result<(OuterCycle, f64), lookahead_theory::Error> {
        let problem = NoisyQuadratic::new(Eigenvalues::new(vec![curvature])?, &Noise::Constant(noise_variance))?;
        let variances = OuterDynamics::new(&problem, lr, Momentum::NONE, cycle)?.final_variances()?;
        Ok((cycle, variances.into_iter().sum()))
    };
    let outer = arguments.outer.cycle(&arguments.pair, InnerStatePolicy::Maintain);
    let outer = outer.map(of_outer).transpose().map_err(super::refused)?;
    if arguments.json {
        let mut found = serde_json::to_value(found)?;
        if let Some((_, variance)) = outer {
            found["outer"] = variance.into();
        }
        return Ok(say(serde_json::to_string_pretty(&found)?)?);
    }
    let mut table = table(["optimizer", "variance at the fixed point"]);
    table.add_row(["SGD", &super::short(found.sgd)]);
    table.add_row(["Lookahead(SGD)", &super::short(found.lookahead)]);
    if let Some((cycle, variance)) = outer {
        table.add_row([name_of(&cycle), super::short(variance)]);
    }
    Ok(say(format!("{table}\n\nratio {}", super::short(found.ratio)))?)
}
