//! `lookahead inspect`

use std::path::PathBuf;

use lookahead_lab::checkpoint::Checkpoint;
use serde_json::json;

use super::say;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// A run folder, or the folder `checkpoint` in one.
    #[arg(value_name = "CHECKPOINT")]
    folder: PathBuf,
    /// Print JSON instead of text.
    #[arg(long)]
    json: bool,
}

pub fn inspect(arguments: &Arguments) -> anyhow::Result<()> {
    let folder = &arguments.folder;
    let checkpoint =
        Checkpoint::read(folder)?.ok_or_else(|| lookahead_lab::Error::NoCheckpoint { path: folder.clone() })?;
    let Checkpoint { position, model, slow, optimizer, memory } = &checkpoint;
    let [weights, memory] = [model, memory]
        .map(|tensors| tensors.iter().map(|(name, data)| (name.as_str(), data.shape().to_vec())).collect::<Vec<_>>());
    let state: Vec<(&str, Vec<usize>)> = optimizer.tensors().collect();
    let has_slow = slow.is_some();
    if arguments.json {
        let text = json!({
            "position": position, "optimizer": optimizer.optimizer(), "weights": weights, "optimizer_state": state,
            "evaluation_weights": has_slow, "memory": memory,
        });
        return Ok(say(serde_json::to_string_pretty(&text)?)?);
    }
    let mut lines = vec![
        format!("run        {}", position.run),
        format!("position   {} epochs, batch {}, step {}", position.epoch, position.batch, position.step),
        format!("time       {:.1} s", position.seconds),
        format!("optimizer  {}", optimizer.optimizer()),
        format!("weights    model.safetensors{}", if has_slow { ", and slow.safetensors to evaluate" } else { "" }),
    ];
    lines.extend(weights.iter().map(|(name, shape)| format!("  {name} {shape:?}")));
    lines.push("optimizer state".to_owned());
    lines.extend(state.iter().map(|(name, shape)| format!("  {name} {shape:?}")));
    if !memory.is_empty() {
        lines.push("memory between steps".to_owned());
        lines.extend(memory.iter().map(|(name, shape)| format!("  {name} {shape:?}")));
    }
    lines.push("every checksum agrees".to_owned());
    Ok(say(lines.join("\n"))?)
}
