//! Where a run computes: the processor, or what a build with a GPU feature finds on this machine.

mod driver;
mod memory;

use std::panic::{self, AssertUnwindSafe};

use burn::tensor::{Device, Tensor};
use serde::Serialize;

pub use self::memory::Memory;
use crate::Error;
use crate::config::{DeviceConfig, DeviceKind, Precision, RunConfig};

/// One kind of device: whether this build has it, and what it finds here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Availability {
    /// Its name in a configuration and after `--device`.
    pub name: &'static str,
    /// Whether this build can use such devices.
    pub built: bool,
    /// The devices of this machine that work.
    pub found: Vec<Found>,
    /// Those that do not.
    pub failing: Vec<Failing>,
}

/// A device of this machine that does not work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failing {
    /// As a configuration would take it, such as `cuda:1`.
    pub device: String,
    /// What it, or its driver, says.
    pub reason: String,
}

/// A device of this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Found {
    /// As a configuration and `--device` take it, such as `cuda:1`.
    pub device: String,
    /// What it calls itself.
    pub name: String,
    /// Whether its driver computes on the processor, in place of a card.
    pub software: bool,
    /// The precisions that it computes in.
    pub precisions: Vec<&'static str>,
    /// Its memory, as far as it is known.
    pub memory: Vec<Memory>,
}

/// What this build and this machine can use, by kind.
#[must_use]
pub fn list() -> Vec<Availability> {
    let availability = |kind: DeviceKind| {
        let devices = devices(kind);
        let built = devices.is_some();
        let (mut found, mut failing) = (Vec::new(), Vec::new());
        let devices = devices.unwrap_or(Ok(Vec::new())).unwrap_or_else(|reason| {
            failing.push(Failing { device: kind.name().to_owned(), reason });
            Vec::new()
        });
        for (index, device) in devices.iter().enumerate() {
            let config = DeviceConfig { kind, index };
            match describe(config, device) {
                Ok(device) => found.push(device),
                Err(reason) => failing.push(Failing { device: config.to_string(), reason }),
            }
        }
        Availability { name: kind.name(), built, found, failing }
    };
    DeviceKind::ALL.into_iter().map(availability).collect()
}

/// A device of this machine, without autodiff.
///
/// # Errors
/// [`Error::NoDevice`] if the build lacks the kind or the machine has no such one: nothing falls back to another one.
pub fn open(config: DeviceConfig) -> Result<Device, Error> {
    let DeviceConfig { kind, index } = config;
    let needed = |before| driver::needed(kind).map(|needed| format!("{before}{needed}")).unwrap_or_default();
    let reason = match devices(kind) {
        Some(Err(reason)) => format!("this machine has none that works: {reason}{}", needed("; ")),
        Some(Ok(found)) => match (found.len(), found.into_iter().nth(index)) {
            (_, Some(device)) => return Ok(device),
            (0, None) => format!("this machine has none that works{}", needed("; ")),
            (count, None) => format!("this machine has {count} of that kind, counted from 0"),
        },
        None => format!("this build lacks it: build with `--features {}`{}", kind.name(), needed(", and ")),
    };
    Err(Error::NoDevice { name: config.to_string(), reason })
}

/// The device of a configuration, without autodiff.
///
/// # Errors
/// As [`open`], and [`Error::NoPrecision`] where it does not compute in the configuration's precision.
pub fn open_for(config: &RunConfig) -> Result<Device, Error> {
    let (device, precision) = (open(config.device)?, config.precision);
    // Every device computes in f32.
    if precision == Precision::F32 || device.supports_dtype(precision.dtype()) {
        return Ok(device);
    }
    let all = [Precision::F32, Precision::Bf16, Precision::F16].into_iter();
    let accepted = all.filter(|precision| device.supports_dtype(precision.dtype())).map(Precision::name).collect();
    Err(Error::NoPrecision { device: config.device.to_string(), precision: precision.name(), accepted })
}

/// What [`open`] gives for this.
///
/// # Errors
/// As [`open`], and [`Error::NoDevice`] where the device is there but does not work.
pub fn find(config: DeviceConfig) -> Result<Found, Error> {
    let device = open(config)?;
    describe(config, &device).map_err(|reason| Error::NoDevice { name: config.to_string(), reason })
}

/// The devices of a kind, or what its driver says where it fails; `None` where the build lacks the kind.
fn devices(kind: DeviceKind) -> Option<Result<Vec<Device>, String>> {
    match kind {
        DeviceKind::Cpu => Some(Ok(vec![Device::flex()])),
        #[cfg(feature = "cuda")]
        DeviceKind::Cuda => Some(enumerate(burn::tensor::DeviceType::Cuda)),
        #[cfg(feature = "vulkan")]
        DeviceKind::Vulkan => Some(enumerate(burn::tensor::DeviceType::Vulkan)),
        #[cfg(feature = "wgpu")]
        DeviceKind::Wgpu => Some(enumerate(burn::tensor::DeviceType::Wgpu)),
        #[cfg(not(all(feature = "cuda", feature = "vulkan", feature = "wgpu")))]
        _ => None,
    }
}

/// The devices that a runtime finds. Where a driver is missing there are none.
#[cfg(any(feature = "cuda", feature = "vulkan", feature = "wgpu"))]
fn enumerate(kind: burn::tensor::DeviceType) -> Result<Vec<Device>, String> {
    guarded(|| Device::enumerate(kind).into_iter().collect())
}

/// What a device is, after a small computation on it; or why that failed.
fn describe(config: DeviceConfig, device: &Device) -> Result<Found, String> {
    use burn::tensor::DType::{BF16, F16, F32, F64};

    if config.kind == DeviceKind::Cpu {
        let (device, name) = (config.to_string(), "flex, on the processor".to_owned());
        let (precisions, memory) = (vec!["f64", "f32", "f16", "bf16"], memory::of_processor());
        return Ok(Found { device, name, software: false, precisions, memory });
    }
    guarded(|| {
        let two = Tensor::<1>::ones([1], device) + 1.0;
        if two.try_into_data().map_err(|error| error.to_string())?.iter::<f32>().ne([2.0]) {
            return Err("it does not compute 1 + 1".to_owned());
        }
        let precisions = [("f64", F64), ("f32", F32), ("f16", F16), ("bf16", BF16)];
        let precisions = precisions.into_iter().filter(|(_, dtype)| device.supports_dtype(*dtype));
        let (name, software) = identity(device);
        let (precisions, memory) = (precisions.map(|(name, _)| name).collect(), memory::of(device));
        Ok(Found { device: config.to_string(), name, software, precisions, memory })
    })
    .flatten()
}

/// What a driver's panic says, where it panics.
fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    panic::catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        match (panic.downcast_ref::<String>(), panic.downcast_ref::<&str>()) {
            (Some(text), _) => text.clone(),
            (None, Some(text)) => (*text).to_owned(),
            (None, None) => "its driver fails".to_owned(),
        }
    })
}

/// What a device calls itself, and whether it is no card.
#[cfg(any(feature = "cuda", feature = "vulkan", feature = "wgpu"))]
fn identity(device: &Device) -> (String, bool) {
    match device.identity() {
        Some(identity) => (identity.name, identity.physical.is_none()),
        None => (format!("{device:?}"), false),
    }
}

#[cfg(not(any(feature = "cuda", feature = "vulkan", feature = "wgpu")))]
fn identity(device: &Device) -> (String, bool) {
    (format!("{device:?}"), false)
}
