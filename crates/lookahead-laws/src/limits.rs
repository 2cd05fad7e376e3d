//! What a device of the kind of GPUs keeps of a law only in part, by its nature.

/// How far an implementation keeps the laws where the machine decides and not the algorithm.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// How far apart numbers may be that two kernels compute alike, as a part of the larger one, or of 1: a compiler
    /// contracts a multiplication and an addition here and not there. 0: not a bit.
    ///
    /// It holds where one side syncs in the step and the other apart from it, otherwise or not at all:
    /// [`AlphaOneIsTheInnerOptimizer`](crate::Law::AlphaOneIsTheInnerOptimizer),
    /// [`LookaheadInsideWithAlphaOneIsTransparent`](crate::Law::LookaheadInsideWithAlphaOneIsTransparent),
    /// [`SyncNowEndsAPartialCycle`](crate::Law::SyncNowEndsAPartialCycle),
    /// [`AnOuterStepWithoutMomentumIsEq1`](crate::Law::AnOuterStepWithoutMomentumIsEq1). All other laws of bits are of bits.
    pub contraction: f64,
    /// In every so manieth sync the inner state is reset if a value was not finite, for
    /// [`NonFiniteGradientsNeverReachTheSlowWeights`](crate::Law::NonFiniteGradientsNeverReachTheSlowWeights). The slow
    /// weights stay finite all the while.
    pub syncs_between_looks: u64,
    /// Of the moments at which a run is saved, frozen or changed, one in so many is tried: where a step takes long.
    pub moments_apart: usize,
}

impl Limits {
    /// Every law in full.
    pub const NONE: Self = Self { contraction: 0.0, syncs_between_looks: 1, moments_apart: 1 };

    /// A device of the kind of GPUs, in `f32`.
    pub const DEVICE: Self =
        Self { contraction: 64.0 * f32::EPSILON as f64, syncs_between_looks: 10, moments_apart: 3 };

    /// The same where the host carries out the sync, and so sees at once what is not finite.
    #[must_use]
    pub fn synced_by_the_host(self) -> Self {
        Self { syncs_between_looks: 1, ..self }
    }
}
