//! `lookahead devices`

use lookahead_training::device;

use super::{say, table};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Print JSON instead of a table.
    #[arg(long)]
    json: bool,
}

pub fn devices(arguments: &Arguments) -> anyhow::Result<()> {
    let devices = device::list();
    if arguments.json {
        return Ok(say(serde_json::to_string_pretty(&devices)?)?);
    }
    let mut table = table(["--device", "in this build", "found here"]);
    for device in devices {
        let built = match device.built {
            true => "yes".to_owned(),
            false => format!("no: build with --features {}", device.name),
        };
        let found = if device.built && device.found.is_empty() { "none".to_owned() } else { device.found.join(", ") };
        table.add_row([device.name.to_owned(), built, found]);
    }
    Ok(say(table.to_string())?)
}
