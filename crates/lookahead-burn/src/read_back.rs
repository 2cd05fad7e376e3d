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

/// The values of a tensor as they are now, in host memory; waits for its device. Burn's own `into_data` may read later: what
/// a step does in place by then shows in it, and a device that fails is a panic where the data is first looked at.
///
/// # Errors
/// [`Error::ReadBack`] if the device fails.
pub fn values_now<const D: usize>(tensor: Tensor<D>) -> Result<TensorData, Error> {
    on_host(tensor.try_into_data().map_err(failed)?)
}

/// [`values`], where Burn's interface has no room for an error.
///
/// # Panics
/// If the device fails, as Burn's own reads do.
pub(crate) fn values_or_panic<const D: usize>(tensor: Tensor<D>) -> TensorData {
    values_now(tensor).unwrap_or_else(|error| panic!("{error}"))
}

/// Single numbers, waiting for each of their devices once.
pub(crate) fn numbers(tensors: Vec<Tensor<1>>) -> Result<Vec<f64>, Error> {
    let mut numbers = vec![f64::NAN; tensors.len()];
    let mut rest: Vec<(usize, Tensor<1>)> = tensors.into_iter().enumerate().collect();
    // a transaction reads from one device
    while let Some((_, first)) = rest.first() {
        let device = first.device();
        let (here, elsewhere): (Vec<_>, _) = rest.into_iter().partition(|(_, tensor)| tensor.device() == device);
        if is_later(&device) {
            log::trace!(target: WAITS, "{} numbers", here.len());
        }
        let (places, here): (Vec<_>, Vec<_>) = here.into_iter().unzip();
        let read =
            here.into_iter().fold(Transaction::default(), Transaction::register).try_execute().map_err(failed)?;
        for (place, data) in places.into_iter().zip(read) {
            numbers[place] = on_host(data)?.iter::<f64>().next().unwrap_or(f64::NAN);
        }
        rest = elsewhere;
    }
    Ok(numbers)
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
