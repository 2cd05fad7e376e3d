//! An outer step over several workers, without communication: what a sync makes of their weights (Local SGD, DiLoCo).

use std::borrow::Cow;

use crate::kernels::momentum::mean;
use crate::slow_weights::SlowWeights;
use crate::{Buffer, Float, OuterStep, ParamSet, SlowStorage};

/// The slow weights that several workers share, the momentum of their [`OuterStep`], and the number of syncs.
///
/// Each worker trains by itself from the weights of the last sync, with an inner optimizer and a state of its own;
/// after k steps [`sync`](Self::sync) takes all their weights, or [`sync_mean`](Self::sync_mean) their mean, however
/// that came about ([`mean_over_workers`](crate::collective::mean_over_workers), say). Who counts the steps and carries weights from one machine to another is the caller; a delta that
/// was sent instead is `theta = phi - delta`. One worker, or equal ones, have the bits of
/// [`Lookahead`](crate::Lookahead) with "maintain"; where elements were refused that resets the inner state, which is the
/// caller's here. A tensor that joins begins at its mean in the next sync, and takes its first outer step in the one
/// after.
///
/// ```
/// use lookahead::{OuterMomentum, OuterRate, OuterStep, ParamSet, Workers};
/// let step = OuterStep::nesterov(OuterRate::new(0.5)?, OuterMomentum::new(0.5)?);
/// let worker = |weight: f64| {
///     let mut params = ParamSet::new();
///     params.push("w", [1], vec![weight])?;
///     Ok::<_, lookahead::Error>(params)
/// };
/// let mut state = Workers::new(step, &worker(4.0)?);
/// let mut workers = [worker(1.0)?, worker(3.0)?];     // after k steps of their own
/// state.sync(0.1, &mut workers);
/// assert!(workers.iter().all(|worker| worker.slice(0) == [2.5]));     // delta = 4 - 2, d = 2 + 0.5 * 2
/// # Ok::<(), lookahead::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(bound = "T: Float"))]
pub struct Workers<T> {
    step: OuterStep,
    slow: SlowWeights<T>,
    outer: u64,
}

impl<T: Float> Workers<T> {
    /// Before the first step: the slow weights are those that every worker begins with.
    #[must_use]
    pub fn new(step: OuterStep, params: &ParamSet<'_, T>) -> Self {
        let mut slow = SlowWeights::new(SlowStorage::Full, step.as_alpha().is_none());
        slow.adopt(params, 0);
        Self { step, slow, outer: 0 }
    }

    /// An outer step along the mean way of the workers, after which all have the slow weights. `lr` is the learning
    /// rate of their last step. Gives the number of elements refused as not finite: they keep their slow weights.
    ///
    /// # Panics
    /// If the workers' tensors differ in number or length.
    pub fn sync(&mut self, lr: f64, workers: &mut [ParamSet<'_, T>]) -> usize {
        let Some((first, others)) = workers.split_first_mut() else { return 0 };
        assert!(others.iter().all(|worker| worker.len() == first.len()), "the tensors of two workers");
        for (index, param) in first.iter_mut().enumerate() {
            mean(param.values_mut(), others.iter().map(|worker| worker.slice(index)));
        }
        let refused = self.sync_mean(lr, first);
        for worker in others {
            worker.iter_mut().zip(first.iter()).for_each(|(to, from)| to.values_mut().copy_from_slice(from.values()));
        }
        refused
    }

    /// [`sync`](Self::sync) with the mean of the workers' weights, in whose place the slow weights come.
    ///
    /// # Panics
    /// If a tensor has another length than at the last sync.
    pub fn sync_mean(&mut self, lr: f64, weights: &mut ParamSet<'_, T>) -> usize {
        self.slow.adopt(weights, self.outer);
        self.slow.observe_rate(lr);
        let step = self.slow.next_step(&self.step, self.outer);
        let refused = self.slow.pull_back(weights, self.step.alpha(self.outer).alpha, self.outer, step);
        self.outer = self.outer.saturating_add(1);
        refused
    }

    /// The outer step.
    #[must_use]
    pub fn step(&self) -> &OuterStep {
        &self.step
    }

    /// Checks that the state is of these tensors.
    ///
    /// # Errors
    /// [`Error::OtherParameters`](crate::Error::OtherParameters), with the first that differs.
    pub fn fits(&self, params: &ParamSet<'_, T>) -> Result<(), crate::Error> {
        self.slow.fits(params)
    }

    /// The slow weights, tensor by tensor: evaluate on these.
    #[must_use]
    pub fn slow(&self) -> Vec<Cow<'_, [T]>> {
        self.slow.values()
    }

    /// The buffers b, tensor by tensor; `None` where there is no momentum.
    #[must_use]
    pub fn momentum(&self) -> Option<&[Buffer<T>]> {
        self.slow.momentum()
    }

    /// The number of syncs so far.
    #[must_use]
    pub fn outer(&self) -> u64 {
        self.outer
    }
}
