//! What a result was obtained with: revision, device, threads, versions, command.

use std::collections::BTreeMap;
use std::thread::available_parallelism;

use serde_json::Value;

/// The environment of this process, for `environment.json`.
#[must_use]
pub fn environment() -> BTreeMap<String, Value> {
    let threads = available_parallelism().map_or(1, usize::from);
    let mut arguments = std::env::args();
    // The program by its name alone: where it lies says nothing about the result.
    arguments.next();
    let command = std::iter::once("lookahead".to_owned()).chain(arguments).collect::<Vec<_>>().join(" ");
    let profile = if cfg!(debug_assertions) { "dev" } else { "release" };
    BTreeMap::from([
        ("revision".to_owned(), env!("LOOKAHEAD_REVISION").into()),
        ("version".to_owned(), env!("CARGO_PKG_VERSION").into()),
        ("burn".to_owned(), "0.22.1".into()),
        ("profile".to_owned(), profile.into()),
        ("device".to_owned(), "cpu (flex)".into()),
        ("processor".to_owned(), processor().into()),
        ("threads".to_owned(), threads.into()),
        ("system".to_owned(), format!("{} {}", std::env::consts::OS, std::env::consts::ARCH).into()),
        ("command".to_owned(), command.into()),
    ])
}

fn processor() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name"));
    model.map_or("unknown", |model| model.trim_start_matches([' ', '\t', ':'])).to_owned()
}
