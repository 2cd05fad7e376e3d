//! `lookahead devices`

use lookahead_runs::printable;
use lookahead_training::Error;
use lookahead_training::config::DeviceConfig;
use lookahead_training::device::{self, Availability, Failing, Found, Memory};

use super::{say, table};

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Print JSON instead of a table.
    #[arg(long)]
    json: bool,
}

/// Sees that a device is there, and says so if it is no card.
///
/// # Errors
/// [`Error::NoDevice`].
pub fn check(device: DeviceConfig) -> Result<(), Error> {
    let Found { device, name, software, .. } = device::find(device)?;
    if software {
        eprintln!("warning: {device} is {name}, a driver that computes on the processor");
    }
    Ok(())
}

const EXAMPLES: &str = "\
Examples:
  lookahead devices                          what is here to compute on
  lookahead run quickstart --device vulkan   and how to compute on it";

pub fn devices(arguments: &Arguments) -> anyhow::Result<()> {
    let devices = device::list();
    if arguments.json {
        return Ok(say(serde_json::to_string_pretty(&devices)?)?);
    }
    let mut table = table(["--device", "in this build", "found here", "precisions", "memory"]);
    for Availability { name, built, found, failing } in devices {
        if found.is_empty() && failing.is_empty() {
            let (built, found) = match built {
                true => ("yes".to_owned(), "none"),
                false => (format!("no: build with --features {name}"), ""),
            };
            table.add_row([name.to_owned(), built, found.to_owned(), String::new(), String::new()]);
        }
        for Found { device, name, software, precisions, memory } in found {
            let name = if software { format!("{name} (a driver on the processor)") } else { name };
            table.add_row([device, "yes".to_owned(), name, precisions.join(", "), in_words(&memory)]);
        }
        for Failing { device, reason } in failing {
            let reason = format!("does not work: {}", printable(&reason));
            table.add_row([device, "yes".to_owned(), reason, String::new(), String::new()]);
        }
    }
    Ok(say(table.to_string())?)
}

/// Such as `total 23.4 GiB, available 19.1 GiB`.
fn in_words(memory: &[Memory]) -> String {
    let amount = |Memory { what, bytes }: &Memory| format!("{what} {:.1} GiB", *bytes as f64 / f64::from(1 << 30));
    memory.iter().map(amount).collect::<Vec<_>>().join(", ")
}
