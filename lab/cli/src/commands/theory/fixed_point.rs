//! `lookahead theory fixed-point` (Prop. 2)

use lookahead::InnerStatePolicy;

use super::problem::PairOptions;
use crate::commands::{say, table};

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Arguments {
    /// The curvature a of the direction, above 0.
    #[arg(long, value_name = "A", default_value_t = 1.0)]
    curvature: f64,
    /// The variance sigma^2 of the noisy optimum, at least 0.
    #[arg(long, value_name = "V", default_value_t = 1.0)]
    noise_variance: f64,
    /// The learning rate, above 0 and below 2 / A.
    #[arg(long, value_name = "LR")]
    lr: f64,
    #[command(flatten)]
    pair: PairOptions,
    /// Print JSON instead of a table.
    #[arg(long)]
    json: bool,
}

const EXAMPLE: &str = "\
Example:
  lookahead theory fixed-point --curvature 1 --noise-variance 1 --lr 0.5 --k 5 --alpha 0.5 --json

JSON keys: sgd and lookahead (the variances of Eq. 6 and 7, with Sigma for its square), ratio (the second over the first).";

pub fn fixed_point(arguments: &Arguments) -> anyhow::Result<()> {
    let &Arguments { curvature, noise_variance, lr, .. } = arguments;
    let cycle = arguments.pair.cycle(InnerStatePolicy::Maintain);
    let found = lookahead_theory::fixed_point(curvature, noise_variance, lr, &cycle).map_err(super::refused)?;
    if arguments.json {
        return Ok(say(serde_json::to_string_pretty(&found)?)?);
    }
    let mut table = table(["optimizer", "variance at the fixed point"]);
    table.add_row(["SGD", &super::short(found.sgd)]);
    table.add_row(["Lookahead(SGD)", &super::short(found.lookahead)]);
    Ok(say(format!("{table}\n\nratio {}", super::short(found.ratio)))?)
}
