//! One tensor's part of a step: what the rule's arithmetic and, in the k-th step of a cycle, the sync work on.

use super::bf16::{self, Rounding};
use super::momentum::{self, outer_step};
use super::{Pieces, pull_back};
use crate::{Alpha, Float};

/// One tensor in a step of a rule that keeps `M` moments an element and takes the numbers `C`.
#[derive(Debug)]
pub struct Task<'a, T, C, const M: usize> {
    /// theta.
    pub weights: &'a mut [T],
    /// The gradient; without one the tensor takes part in the sync alone.
    pub gradient: Option<&'a [T]>,
    /// What the rule remembers of each element.
    pub moments: [&'a mut [T]; M],
    /// The numbers of this tensor's step.
    pub coefficients: C,
    /// The sync that follows, if any.
    pub sync: Option<TensorSync<'a, T, M>>,
}

/// One tensor in a sync with a known alpha.
#[derive(Debug)]
pub struct TensorSync<'a, T, const M: usize> {
    /// phi.
    pub slow: Slow<'a, T>,
    /// alpha.
    pub alpha: Alpha,
    /// The moments at the last sync, under "interpolate" (App. C.5); they become those after this one.
    pub anchors: Option<[&'a mut [T]; M]>,
}

/// Slow weights of one tensor, as they are stored.
#[derive(Debug)]
pub enum Slow<'a, T> {
    /// In the precision of the fast weights.
    Full(&'a mut [T]),
    /// As bf16 numbers, rounded stochastically.
    Bf16(&'a mut [u16], Rounding),
    /// In the precision of the fast weights, with an outer momentum.
    Momentum {
        /// phi.
        slow: &'a mut [T],
        /// The buffer b.
        buffer: &'a mut [T],
        /// The step to be taken, in place of Eq. 1 with alpha.
        step: momentum::Coefficients<T>,
    },
}

impl<T: Copy> Pieces for Slow<'_, T> {
    fn len(&self) -> usize {
        match self {
            Self::Full(values) | Self::Momentum { slow: values, .. } => values.len(),
            Self::Bf16(values, _) => values.len(),
        }
    }

    fn take_first(&mut self, count: usize) -> Self {
        match self {
            Self::Full(values) => Self::Full(values.take_first(count)),
            Self::Bf16(values, rounding) => {
                let first = values.take_first(count);
                let after = rounding.after(first.len());
                Self::Bf16(first, std::mem::replace(rounding, after))
            }
            Self::Momentum { slow, buffer, step } => {
                Self::Momentum { slow: slow.take_first(count), buffer: buffer.take_first(count), step: *step }
            }
        }
    }
}

impl<T: Copy, C: Copy, const M: usize> Pieces for Task<'_, T, C, M> {
    fn len(&self) -> usize {
        self.weights.len()
    }

    fn take_first(&mut self, count: usize) -> Self {
        Self {
            weights: self.weights.take_first(count),
            gradient: self.gradient.as_mut().map(|gradient| gradient.take_first(count)),
            moments: self.moments.each_mut().map(|moment| moment.take_first(count)),
            coefficients: self.coefficients,
            sync: self.sync.as_mut().map(|sync| TensorSync {
                slow: sync.slow.take_first(count),
                alpha: sync.alpha,
                anchors: sync.anchors.as_mut().map(|anchors| anchors.each_mut().map(|anchor| anchor.take_first(count))),
            }),
        }
    }
}

impl<T: Float> Slow<'_, T> {
    /// Eq. 1 and the restart of the fast weights. Gives the number of elements refused as not finite.
    #[inline(always)]
    pub(crate) fn pull_back(self, fast: &mut [T], alpha: Alpha) -> usize {
        match self {
            Self::Full(slow) => pull_back(slow, fast, alpha),
            Self::Bf16(slow, rounding) => bf16::pull_back(slow, fast, alpha, rounding),
            Self::Momentum { slow, buffer, step } => outer_step(slow, buffer, fast, step),
        }
    }
}

impl<T: Copy, C, const M: usize> Task<'_, T, C, M> {
    pub(super) fn assert_lengths(&self) {
        let length = self.weights.len();
        assert!(self.gradient.is_none_or(|gradient| gradient.len() == length), "a tensor and its gradient");
        assert!(self.moments.iter().all(|moment| moment.len() == length), "a tensor and its moments");
        if let Some(sync) = &self.sync {
            assert_eq!(sync.slow.len(), length, "slow and fast weights of one tensor");
            assert!(sync.anchors.iter().flatten().all(|anchor| anchor.len() == length), "a tensor and its anchors");
        }
    }
}
