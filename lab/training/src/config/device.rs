//! Where a run computes: a kind of device, and which one of its kind.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use lookahead_settings::{Entry, Read};

/// A kind of device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeviceKind {
    /// The processor (flex).
    Cpu,
    /// An NVIDIA GPU, in a build with the feature `cuda`.
    Cuda,
    /// A GPU by Vulkan, in a build with the feature `vulkan`.
    Vulkan,
    /// A GPU by whatever the system has, in a build with the feature `wgpu`.
    Wgpu,
}

impl DeviceKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Cpu, Self::Cuda, Self::Vulkan, Self::Wgpu];

    /// Its name in a configuration and after `--device`; where a build can lack it, the feature that it needs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
            Self::Vulkan => "vulkan",
            Self::Wgpu => "wgpu",
        }
    }
}

/// A device by its kind and its place among those of the kind, counted from 0: `cpu`, `wgpu` or `cuda:1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeviceConfig {
    /// Its kind.
    pub kind: DeviceKind,
    /// Which of that kind. Default 0.
    pub index: usize,
}

impl DeviceConfig {
    /// The processor.
    pub const CPU: Self = Self { kind: DeviceKind::Cpu, index: 0 };

    pub(super) fn read(entry: &Entry<'_>) -> Read<Self> {
        entry.text(ACCEPTED)?.parse().map_err(|UnknownDevice| entry.refuse(ACCEPTED))
    }
}

const ACCEPTED: &str = "\"cpu\", \"cuda\", \"vulkan\" or \"wgpu\", the second of a kind as \"cuda:1\"";

/// A text that names no device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a device, accepted: {}", ACCEPTED)]
pub struct UnknownDevice;

impl FromStr for DeviceConfig {
    type Err = UnknownDevice;

    fn from_str(text: &str) -> Result<Self, UnknownDevice> {
        let (name, index) = text.split_once(':').unwrap_or((text, "0"));
        let kind = DeviceKind::ALL.into_iter().find(|kind| kind.name() == name).ok_or(UnknownDevice)?;
        // Digits alone: `parse` takes a sign too.
        let is_plain = index.bytes().all(|byte| byte.is_ascii_digit());
        let index = index.parse().ok().filter(|_| is_plain).ok_or(UnknownDevice)?;
        Ok(Self { kind, index })
    }
}

impl fmt::Display for DeviceConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.index {
            0 => f.write_str(self.kind.name()),
            index => write!(f, "{}:{index}", self.kind.name()),
        }
    }
}

impl Serialize for DeviceConfig {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
