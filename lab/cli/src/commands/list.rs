//! `lookahead list`

use lookahead_lab::artifacts::ARTIFACTS;

use super::{say, table};

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Print JSON instead of a table.
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  lookahead list          what can be run, what it shows, what it needs
  lookahead list --json   the same for programs";

pub fn list(arguments: &Arguments) -> anyhow::Result<()> {
    if arguments.json {
        return Ok(say(serde_json::to_string_pretty(&ARTIFACTS)?)?);
    }
    let mut table = table(["artifact", "shows", "needs"]);
    for entry in ARTIFACTS {
        table.add_row([entry.name, entry.shows, entry.needs]);
    }
    // A name is there to be copied.
    if let Some(names) = table.column_mut(0) {
        names.set_constraint(comfy_table::ColumnConstraint::ContentWidth);
    }
    Ok(say(format!("{table}\n\nRecorded results: records/ARTIFACT in the repository."))?)
}
