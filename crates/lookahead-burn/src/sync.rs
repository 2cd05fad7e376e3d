//! A sync with a known alpha: the outer update of a module, and "interpolate" for the inner state.

use std::fmt;

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::Tensor;
use lookahead::Alpha;

use crate::InnerOptimizer;
use crate::places::Places;
use crate::pull_back::Update;
use crate::refused::Refused;
use crate::slow_weights::SlowWeights;
use crate::traversal::Lifted;

/// A sync still to be carried out: Eq. 1, `phi <- phi + alpha (theta - phi)`, `theta <- phi`, or in its place an
/// [`OuterStep`](lookahead::OuterStep), and App. C.5 "interpolate" where it is asked for.
pub struct PullBack<'s, I> {
    pub(crate) slow: &'s mut SlowWeights,
    pub(crate) update: Update,
    /// The inner optimizer as of the last sync; as of this one afterwards.
    pub(crate) anchor: Option<&'s mut I>,
}

impl<I> fmt::Debug for PullBack<'_, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PullBack").field("update", &self.update).finish_non_exhaustive()
    }
}

impl<'s, I: InnerOptimizer> PullBack<'s, I> {
    /// The same sync for an optimizer that `I` wraps, `anchor` finding its twin in the anchor of `I`.
    #[must_use]
    pub fn of_wrapped<J>(self, anchor: impl FnOnce(&'s mut I) -> Option<&'s mut J>) -> PullBack<'s, J> {
        let Self { slow, update, anchor: outermost } = self;
        PullBack { slow, update, anchor: outermost.and_then(anchor) }
    }

    /// alpha. With an [`OuterStep`](lookahead::OuterStep) its eta, at most 1: how far the inner state goes under
    /// "interpolate".
    #[must_use]
    pub fn alpha(&self) -> Alpha {
        self.update.alpha
    }

    /// The whole sync, after the step. Gives the module and how many elements were refused as not finite.
    ///
    /// # Panics
    /// See [`InnerOptimizer::advance`], and [`InnerOptimizer::interpolate`] where an anchor is there.
    pub fn carry_out<M: Module>(self, module: M, inner: &mut I) -> (M, Refused) {
        let Self { slow, update, anchor } = self;
        let (mut refused, alpha) = (Refused::default(), update.alpha);
        let places = Places::to_move(&module, None, |id| slow.contains(id));
        let module = places.map(module, &mut Mapper { slow, update, refused: &mut refused });
        if let Some(anchor) = anchor {
            inner.interpolate(anchor, alpha);
            *anchor = inner.clone();
        }
        (module, refused.gathered())
    }
}

struct Mapper<'a> {
    slow: &'a mut SlowWeights,
    update: Update,
    refused: &'a mut Refused,
}

impl ModuleMapper for Mapper<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if !self.slow.contains(param.id) {
            return param;
        }
        let (id, tensor, mapper) = param.consume();
        let (lifted, fast) = Lifted::lower(tensor);
        let fast = self.slow.pull_back(id, fast, &self.update, lifted.is_frozen(), self.refused);
        Param::from_mapped_value(id, lifted.lift(fast, id), mapper)
    }
}
