//! Where a run computes: the processor, or what a build with a GPU feature finds on this machine.

use burn::tensor::Device;
use serde::Serialize;

use crate::Error;
use crate::config::DeviceConfig;

/// One kind of device: whether this build has it, and what it finds here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Availability {
    /// Its name in a configuration and after `--device`.
    pub name: &'static str,
    /// Whether this build can use such devices.
    pub built: bool,
    /// The devices of this machine.
    pub found: Vec<String>,
}

/// What this build and this machine can use, by kind.
#[must_use]
pub fn list() -> Vec<Availability> {
    let availability = |(name, kind): (&'static str, DeviceConfig)| {
        let found = devices(kind);
        let built = found.is_some();
        Availability { name, built, found: found.unwrap_or_default().into_iter().map(|(name, _)| name).collect() }
    };
    DeviceConfig::ALL.into_iter().map(availability).collect()
}

/// The first device of a kind, without autodiff.
///
/// # Errors
/// [`Error::NoDevice`] if the build lacks the kind or the machine has none: nothing falls back to another one.
pub fn open(kind: DeviceConfig) -> Result<Device, Error> {
    let reason = match devices(kind) {
        Some(found) => match found.into_iter().next() {
            Some((_, device)) => return Ok(device),
            None => "this machine has none that works".to_owned(),
        },
        None => format!("this build lacks it: build with `--features {}`", kind.name()),
    };
    Err(Error::NoDevice { name: kind.name(), reason })
}

/// The devices of a kind with their names; `None` where the build lacks the kind.
fn devices(kind: DeviceConfig) -> Option<Vec<(String, Device)>> {
    match kind {
        DeviceConfig::Cpu => Some(vec![("flex, on the processor".to_owned(), Device::flex())]),
        #[cfg(feature = "cuda")]
        DeviceConfig::Cuda => Some(enumerate(burn::tensor::DeviceType::Cuda)),
        #[cfg(feature = "vulkan")]
        DeviceConfig::Vulkan => Some(enumerate(burn::tensor::DeviceType::Vulkan)),
        #[cfg(feature = "wgpu")]
        DeviceConfig::Wgpu => Some(enumerate(burn::tensor::DeviceType::Wgpu)),
        #[cfg(not(all(feature = "cuda", feature = "vulkan", feature = "wgpu")))]
        _ => None,
    }
}

/// The devices that a runtime finds. One whose driver is missing may panic: then there are none.
#[cfg(any(feature = "cuda", feature = "vulkan", feature = "wgpu"))]
fn enumerate(kind: burn::tensor::DeviceType) -> Vec<(String, Device)> {
    let named = |device: Device| (format!("{device:?}"), device);
    std::panic::catch_unwind(|| Device::enumerate(kind).into_iter().map(named).collect()).unwrap_or_default()
}
