//! `lookahead theory alpha` (Prop. 1)

use lookahead::SyncPeriod;
use lookahead_runs::wrapped;
use lookahead_theory::{Momentum, optimal_alpha, optimal_alpha_after};
use serde_json::json;

use super::problem::SpectrumOptions;
use super::values;
use crate::commands::say;

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[command(flatten)]
    spectrum: SpectrumOptions,
    /// The learning rate of the inner steps, above 0 and below 2 (1 + BETA) / L.
    #[arg(long, value_name = "LR", value_parser = values::number, allow_hyphen_values = true,
        required_unless_present = "start")]
    lr: Option<f64>,
    /// The momentum beta of heavy-ball SGD, at least 0 and below 1; 0 is plain SGD.
    #[arg(long, value_name = "BETA", default_value = "0",
        value_parser = values::momentum, allow_hyphen_values = true)]
    momentum: Momentum,
    /// The inner steps from one sync to the next.
    #[arg(long, value_name = "K", default_value = "5",
        value_parser = values::sync_period, allow_negative_numbers = true)]
    k: SyncPeriod,
    /// Instead of k steps: where the cycle starts, theta_0, one number for each eigenvalue, with commas.
    #[arg(long, value_name = "LIST", value_delimiter = ',', allow_hyphen_values = true, requires = "end",
        conflicts_with_all = ["lr", "momentum", "k"])]
    start: Option<Vec<f64>>,
    /// And where it ends, theta_k.
    #[arg(long, value_name = "LIST", value_delimiter = ',', allow_hyphen_values = true, requires = "start")]
    end: Option<Vec<f64>>,
    /// And the optimum theta* [default: 0 in every direction].
    #[arg(long, value_name = "LIST", value_delimiter = ',', allow_hyphen_values = true, requires = "start")]
    optimum: Option<Vec<f64>>,
    /// Print JSON instead of text.
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  lookahead theory alpha --spectrum log --lr 0.5 --momentum 0.9 --k 10
  lookahead theory alpha --spectrum file:two.txt --start 1,1 --end 0,1

Without --start and --end: after k steps without noise from a start as far from the optimum in every direction and at \
rest. The optimal alpha may lie above 1 or below 0. JSON key: alpha (null where every alpha is as good).";

pub fn alpha(arguments: &Arguments) -> anyhow::Result<()> {
    let eigenvalues = arguments.spectrum.eigenvalues()?;
    let found = match (&arguments.start, &arguments.end, arguments.lr) {
        (Some(start), Some(end), _) => {
            let zero = vec![0.0; eigenvalues.as_slice().len()];
            optimal_alpha(&eigenvalues, arguments.optimum.as_ref().unwrap_or(&zero), start, end)
        }
        // The command line has an --lr where it has no --start; without either there is none to accept.
        (_, _, lr) => optimal_alpha_after(&eigenvalues, lr.unwrap_or(f64::NAN), arguments.momentum, arguments.k),
    }
    .map_err(super::refused)?;
    // Prop. 1 divides by the square of what the cycle moved.
    let found = (arguments.start.is_none() || arguments.start != arguments.end).then_some(found);
    if arguments.json {
        return Ok(say(serde_json::to_string_pretty(&json!({ "alpha": found }))?)?);
    }
    let Some(found) = found else {
        return Ok(say("every alpha is optimal: the end is the start")?);
    };
    let remark = match found {
        _ if found > 1.0 => "above 1: the slow weights would best go past the fast ones, which Lookahead does not",
        _ if found <= 0.0 => "not above 0: the cycle led away from the optimum",
        _ => "accepted by Lookahead as it is",
    };
    Ok(say(wrapped(&format!("optimal alpha {} ({remark})", super::short(found)), "", "  "))?)
}
