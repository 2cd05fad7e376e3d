//! What a result was obtained with: revision, device, threads, versions, command.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde_json::{Value, json};

use crate::config::DeviceConfig;
use crate::device::{self, Found};
use lookahead_runs::printable;

/// The revision of the program, once it is told.
static REVISION: OnceLock<&str> = OnceLock::new();

/// Tells the revision of the program that is running, which only the program knows. The first call counts.
pub fn set_revision(revision: &'static str) {
    // What was told before stays.
    let _ = REVISION.set(revision);
}

/// The environment of this process, for `environment.json`: of a run on `device`, with the threads that compute here.
#[must_use]
pub fn environment(device: DeviceConfig) -> BTreeMap<String, Value> {
    let threads = rayon::current_num_threads();
    // The program by its name alone: where it lies says nothing about the result. A name of a file need not be UTF-8.
    let arguments = std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned());
    let command = std::iter::once("lookahead".to_owned()).chain(arguments).collect::<Vec<_>>().join(" ");
    let command = printable(&command);
    let profile = if cfg!(debug_assertions) { "dev" } else { "release" };
    let adapter = (device != DeviceConfig::CPU).then(|| match device::find(device) {
        Ok(Found { name, software, precisions, .. }) => {
            json!({ "name": name, "software": software, "precisions": precisions })
        }
        Err(error) => json!({ "unknown": error.to_string() }),
    });
    let adapter = adapter.map(|adapter| ("adapter".to_owned(), adapter));
    let all = [
        ("revision".to_owned(), REVISION.get().copied().unwrap_or("unknown").into()),
        ("version".to_owned(), env!("CARGO_PKG_VERSION").into()),
        ("burn".to_owned(), "0.22.1".into()),
        ("profile".to_owned(), profile.into()),
        ("device".to_owned(), device.to_string().into()),
        ("processor".to_owned(), processor().into()),
        ("threads".to_owned(), threads.into()),
        ("system".to_owned(), format!("{} {}", std::env::consts::OS, std::env::consts::ARCH).into()),
        ("command".to_owned(), command.into()),
    ];
    all.into_iter().chain(adapter).collect()
}

fn processor() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name"));
    model.map_or("unknown", |model| model.trim_start_matches([' ', '\t', ':'])).to_owned()
}

/// The most memory this process has held, in bytes, where the system tells.
pub(crate) fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
}
