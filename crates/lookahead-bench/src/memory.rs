//! The memory of this process, as Linux reports it: anonymous pages only, so that libraries do not count.

use std::fs;

/// The memory in use once the parameters and gradients of the first variant exist, before any optimizer state.
///
/// With several variants in one process it says nothing about the later ones.
#[derive(Default)]
pub struct Memory {
    base: Option<u64>,
}

impl Memory {
    /// Takes the memory in use now as the base, and restarts the peak from here; nothing after the first time.
    pub fn mark_base(&mut self) {
        if self.base.is_some() {
            return;
        }
        self.base = resident();
        // Where this cannot be written the peak covers the start of the process too.
        let _ = fs::write("/proc/self/clear_refs", "5");
    }

    /// The base, in bytes; `None` before it was marked, or away from Linux.
    pub fn base(&self) -> Option<u64> {
        self.base
    }
}

/// The bytes in use now.
pub fn resident() -> Option<u64> {
    field("RssAnon:")
}

/// The most bytes in use since the base was marked.
pub fn peak() -> Option<u64> {
    Some(field("VmHWM:")?.saturating_sub(field("RssFile:")? + field("RssShmem:")?))
}

fn field(name: &str) -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kilobytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kilobytes * 1024)
}
