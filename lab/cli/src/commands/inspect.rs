//! `lookahead inspect`

use std::path::PathBuf;

use anyhow::anyhow;
use lookahead_runs::format::counted;
use lookahead_runs::printable::printable_path;
use lookahead_runs::wrapped;
use lookahead_training::checkpoint::Checkpoint;
use lookahead_training::run::{Inspection, inspect as look_at};
use serde_json::{Value, json};

use super::say;

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// A run folder, or the folder `checkpoint` in one.
    #[arg(value_name = "CHECKPOINT")]
    folder: PathBuf,
    /// Print JSON instead of text.
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  lookahead inspect results/runs/ID          where the run stands
  lookahead inspect results/runs/ID --json   the same for programs";

pub fn inspect(arguments: &Arguments) -> anyhow::Result<()> {
    let Inspection { folder, result, checkpoint, checked, problems } = look_at(&arguments.folder)?;
    // With all causes, as the program's errors are printed.
    let problems: Vec<String> = problems.into_iter().map(|problem| format!("{:#}", anyhow!(problem))).collect();
    if arguments.json {
        let mut value = checkpoint.as_ref().map_or_else(|| json!({}), to_json);
        value["finished"] = result.is_some().into();
        value["checked"] = checked.into();
        value["problems"] = problems.clone().into();
        say(serde_json::to_string_pretty(&value)?)?;
    } else {
        let mut lines = vec![format!("folder     {}", printable_path(&folder))];
        lines.extend(
            result.map(|result| format!("result     {} after {}", result.status, counted(result.steps, "step"))),
        );
        match &checkpoint {
            Some(checkpoint) => lines.extend(in_words(checkpoint)),
            None => lines.push("no checkpoint".to_owned()),
        }
        lines.push("checked".to_owned());
        lines.extend(checked.iter().map(|name| format!("  {name}")));
        if problems.is_empty() {
            lines.push("every checksum agrees".to_owned());
        }
        say(lines.join("\n"))?;
    }
    if problems.is_empty() { Ok(()) } else { Err(anyhow!(problems.join("\nerror: "))) }
}

fn to_json(checkpoint: &Checkpoint) -> Value {
    let Checkpoint { position, optimizer, slow, .. } = checkpoint;
    let [weights, memory] = tensors(checkpoint);
    let state: Vec<(&str, Vec<usize>)> = optimizer.tensors().collect();
    json!({
        "position": position, "optimizer": optimizer.optimizer().to_string(), "weights": weights, "optimizer_state": state,
        "evaluation_weights": slow.is_some(), "memory": memory,
    })
}

fn in_words(checkpoint: &Checkpoint) -> Vec<String> {
    let Checkpoint { position, optimizer, slow, .. } = checkpoint;
    let slow = if slow.is_some() { ", and slow.safetensors to evaluate" } else { "" };
    let waiting = position.data_wait.share();
    let waiting = waiting.map(|share| format!(", {:.1} % of the time of steps waiting for data", 100.0 * share));
    let waiting = waiting.unwrap_or_default();
    let mut lines = vec![
        format!("run        {}", position.run),
        format!(
            "position   after {} and {} of the next, step {}",
            counted(position.epoch.into(), "epoch"),
            counted(position.batch.into(), "batch"),
            position.step
        ),
        format!("time       {:.1} s{waiting}", position.seconds),
        wrapped(&optimizer.optimizer().to_string(), "optimizer  ", "           "),
        format!("weights    model.safetensors{slow}"),
    ];
    let [weights, memory] = tensors(checkpoint);
    lines.extend(weights.iter().map(|(name, shape)| tensor(name, shape)));
    lines.push("optimizer state".to_owned());
    lines.extend(optimizer.tensors().map(|(name, shape)| tensor(name, &shape)));
    if !memory.is_empty() {
        lines.push("memory between steps".to_owned());
        lines.extend(memory.iter().map(|(name, shape)| tensor(name, shape)));
    }
    lines
}

/// A tensor with its shape: `  layers.0.weight, 64 x 10`.
fn tensor(name: &str, shape: &[usize]) -> String {
    let shape: Vec<String> = shape.iter().map(usize::to_string).collect();
    format!("  {name}, {}", shape.join(" x "))
}

/// Names and shapes of the weights, and of the memory.
fn tensors(checkpoint: &Checkpoint) -> [Vec<(&str, Vec<usize>)>; 2] {
    [&checkpoint.model, &checkpoint.memory]
        .map(|tensors| tensors.iter().map(|(name, data)| (name.as_str(), data.shape().to_vec())).collect())
}
