//! How many elements a sync refused: counted at once on the CPU, elsewhere left on the device until somebody asks.

use std::fmt;

use burn::tensor::{Bool, DType, Device, FloatDType, Int, Tensor};

use crate::flex::is_later;
use crate::{Error, read_back};

/// The number of elements that syncs refused as not finite.
///
/// On the CPU it is known at once. On another device it lies there, so that no sync waits, until [`total`](Self::total) asks
/// for it.
#[derive(Clone, Default)]
pub struct Refused {
    counted: u64,
    /// Counts that are still on their devices.
    pending: Vec<Tensor<1>>,
    /// What kernels count in, one after the other.
    counter: Option<Tensor<1, Int>>,
}

impl fmt::Debug for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refused").field("counted", &self.counted).field("pending", &self.pending.len()).finish()
    }
}

impl From<u64> for Refused {
    fn from(counted: u64) -> Self {
        Self { counted, ..Self::default() }
    }
}

impl Refused {
    /// The number, waiting for the devices that still hold a part of it.
    ///
    /// # Errors
    /// [`Error::ReadBack`] if a device fails.
    pub fn total(&self) -> Result<u64, Error> {
        let pending = if self.is_known() { Vec::new() } else { read_back::numbers(self.pending.clone())? };
        Ok(self.counted.saturating_add(pending.iter().sum::<f64>() as u64))
    }

    /// [`total`](Self::total), where Burn's interface has no room for an error.
    ///
    /// # Panics
    /// If a device fails.
    pub(crate) fn total_or_panic(&self) -> u64 {
        self.total().unwrap_or_else(|error| panic!("{error}"))
    }

    /// Whether no device holds a part of it.
    pub(crate) fn is_known(&self) -> bool {
        self.pending.is_empty()
    }

    pub(crate) fn count(&mut self, elements: usize) {
        self.counted = self.counted.saturating_add(elements as u64);
    }

    /// The elements that are not finite, counted where they are.
    pub(crate) fn count_later<const D: usize>(&mut self, finite: Tensor<D, Bool>) {
        self.pending.push(finite.bool_not().float().cast(FloatDType::F32).sum());
    }

    /// One integer on this device for a kernel to count in, to be [put back](Self::put_back).
    pub(crate) fn counter(&mut self, device: &Device) -> Tensor<1, Int> {
        match self.counter.take() {
            Some(counter) if counter.device() == *device => counter,
            elsewhere => {
                self.pending.extend(elsewhere.map(counted));
                Tensor::zeros([1], (device, DType::I32))
            }
        }
    }

    pub(crate) fn put_back(&mut self, counter: Tensor<1, Int>) {
        self.counter = Some(counter);
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.counted = self.counted.saturating_add(other.counted);
        self.pending.extend(other.pending);
    }

    /// One number for each device that computes later; what others hold is counted.
    ///
    /// # Panics
    /// If one of the others fails.
    pub(crate) fn gathered(mut self) -> Self {
        self.pending.extend(self.counter.take().map(counted));
        let (later, at_once): (Vec<_>, Vec<_>) = self.pending.into_iter().partition(|count| is_later(&count.device()));
        let mut gathered = Self::from(Self { counted: self.counted, pending: at_once, counter: None }.total_or_panic());
        let mut rest = later;
        while let Some(first) = rest.pop() {
            let (here, others): (Vec<_>, _) = rest.into_iter().partition(|count| count.device() == first.device());
            gathered.pending.push(here.into_iter().fold(first, |sum, count| sum + count));
            rest = others;
        }
        gathered
    }
}

/// A kernel's count in the precision that others are summed in.
fn counted(count: Tensor<1, Int>) -> Tensor<1> {
    count.cast(FloatDType::F32)
}
