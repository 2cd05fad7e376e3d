//! Values on their way from a device to host memory, as they are now.
//!
//! Burn reads from a GPU when the data is first looked at. By then a step may have written over them in place, for a read
//! that is still to come does not keep the buffer from being written (CubeCL's `read_lazy`).

use std::fmt;

use burn::tensor::{AllocationProperty, Bytes, Device, Tensor, TensorData, Transaction};

use crate::flex::is_later;
use crate::traversal::tensor_of;
use crate::{Error, Parameter};

/// The target of the log's entries, at level "trace", about each time that the host waits for a device.
pub(crate) const WAITS: &str = "lookahead_burn::waits";

/// A number, or where it still is.
#[derive(Clone)]
pub(crate) enum Number {
    Known(f64),
    OnDevice(Box<Tensor<1>>),
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(number) => number.fmt(f),
            Self::OnDevice(_) => f.write_str("OnDevice"),
        }
    }
}

impl Number {
    pub(crate) fn on_device(number: Tensor<1>) -> Self {
        Self::OnDevice(Box::new(number))
    }

    /// The number, waiting for the device that has it.
    pub(crate) fn read(&self) -> Result<f64, Error> {
        match self {
            Self::Known(number) => Ok(*number),
            Self::OnDevice(number) => Ok(numbers(vec![Tensor::clone(number)])?[0]),
        }
    }
}

/// The same data, in host memory.
pub(crate) fn on_host(data: TensorData) -> Result<TensorData, Error> {
    if data.bytes().property() != AllocationProperty::Device {
        return Ok(data);
    }
    log::trace!(target: WAITS, "{} bytes", data.bytes().len());
    // A copy, so that what keeps the device's buffer is dropped with `data`.
    let bytes = data.bytes().read(Default::default()).map_err(failed)?.to_vec();
    Ok(TensorData::from_bytes(Bytes::from_bytes_vec(bytes), data.shape().clone(), data.dtype()))
}

/// The values as they are now.
pub(crate) fn values<const D: usize>(tensor: Tensor<D>) -> Result<TensorData, Error> {
    on_host(tensor.try_into_data().map_err(failed)?)
}

/// [`values`], where Burn's interface has no room for an error.
///
/// # Panics
/// If the device fails, as Burn's own reads do.
pub(crate) fn values_or_panic<const D: usize>(tensor: Tensor<D>) -> TensorData {
    values(tensor).unwrap_or_else(|error| panic!("{error}"))
}

/// Single numbers of a device, waiting for it once.
pub(crate) fn numbers(tensors: Vec<Tensor<1>>) -> Result<Vec<f64>, Error> {
    if tensors.iter().any(|tensor| is_later(&tensor.device())) {
        log::trace!(target: WAITS, "{} numbers", tensors.len());
    }
    let read = tensors.into_iter().fold(Transaction::default(), Transaction::register).try_execute().map_err(failed)?;
    let read = read.into_iter().map(on_host).collect::<Result<Vec<_>, _>>()?;
    Ok(read.iter().flat_map(|data| data.iter::<f64>()).collect())
}

/// The tensor on `device`, by way of the host where it lies on another.
///
/// # Panics
/// If a device fails, as Burn's own `to_device` does.
pub(crate) fn moved_to<const D: usize>(tensor: Tensor<D>, device: &Device) -> Tensor<D> {
    if tensor.device() == *device { tensor } else { tensor_of(values_or_panic(tensor), device) }
}

/// Waits for the devices of the parameters, and says whether all they had to do has been done.
pub(crate) fn wait_for(parameters: &[Parameter]) -> Result<(), Error> {
    let mut known: Vec<&Device> = Vec::new();
    for Parameter { device, .. } in parameters {
        if !known.contains(&device) {
            known.push(device);
            device.sync().map_err(failed)?;
        }
    }
    Ok(())
}

fn failed(error: impl std::fmt::Display) -> Error {
    Error::ReadBack { reason: error.to_string() }
}
