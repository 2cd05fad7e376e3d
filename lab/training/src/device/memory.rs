//! The memory of a device, as far as the system or its driver tells.

use burn::tensor::Device;
use serde::Serialize;

/// An amount of memory, and what it is the amount of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Memory {
    /// `total` and `available` of the processor's; of other devices the `largest buffer` that the driver allocates in one
    /// piece and, where it says so, the `budget` of all that it allocates.
    pub what: &'static str,
    /// In bytes.
    pub bytes: u64,
}

/// Of the processor; nothing where the system does not tell.
pub(super) fn of_processor() -> Vec<Memory> {
    let info = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kibibytes = |key: &str| {
        let line = info.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
        line.trim().strip_suffix(" kB")?.parse::<u64>().ok()
    };
    let all = [("total", kibibytes("MemTotal")), ("available", kibibytes("MemAvailable"))];
    all.into_iter().filter_map(|(what, number)| Some(Memory { what, bytes: number? * 1024 })).collect()
}

/// Of another device; it is opened.
#[cfg(any(feature = "cuda", feature = "vulkan", feature = "wgpu"))]
pub(super) fn of(device: &Device) -> Vec<Memory> {
    let burn::backend::DispatchDevice::Cube(device) = device.as_dispatch() else { return vec![] };
    let memory = device.client().properties().memory.clone();
    let all = [("largest buffer", Some(memory.max_page_size)), ("budget", memory.max_memory())];
    all.into_iter().filter_map(|(what, bytes)| Some(Memory { what, bytes: bytes? })).collect()
}

#[cfg(not(any(feature = "cuda", feature = "vulkan", feature = "wgpu")))]
pub(super) fn of(_device: &Device) -> Vec<Memory> {
    vec![]
}
