//! The laws that every implementation of Lookahead must keep, as one battery of tests: for the core over slices, for
//! the Burn adapter, for a Lookahead inside another.
//!
//! Implement [`Subject`] for a thin wrapper of the implementation in a test file, and let [`laws!`] expand to one test
//! for each law and inner optimizer:
//!
//! ```ignore
//! struct Slices { /* … */ }
//! impl lookahead_laws::Subject for Slices { /* … */ }
//! lookahead_laws::laws!(slices: Slices);
//! ```
//!
//! What other implementations get wrong, and the law that each breaks (`tests/defects.rs` shows that it does):
//!
//! | defect | law |
//! |---|---|
//! | slow weights seeded late, so that the first cycle is never pulled back | [`FastEqualsSlowAfterEachSync`](Law::FastEqualsSlowAfterEachSync), [`SlowWeightsAreTheAverageOfEq2`](Law::SlowWeightsAreTheAverageOfEq2) |
//! | a saved state without slow weights or counter | [`ASavedRunGoesOnWithTheSameBits`](Law::ASavedRunGoesOnWithTheSameBits) |
//! | "interpolate" aliases its buffer and is wrong from the second sync on | [`MomentumInterpolates`](Law::MomentumInterpolates) |
//! | reset is a no-op | [`ResetIsAFreshInnerOptimizer`](Law::ResetIsAFreshInnerOptimizer) |
//! | learning-rate schedules no longer reach the inner optimizer, at once or after a load | [`LearningRateReachesTheRule`](Law::LearningRateReachesTheRule), [`ASavedRunGoesOnWithTheSameBits`](Law::ASavedRunGoesOnWithTheSameBits) |
//! | fast weights differ from slow ones by rounding after a sync | [`FastEqualsSlowAfterEachSync`](Law::FastEqualsSlowAfterEachSync) |
//! | the two-product form of Eq. 1 moves frozen weights | [`FrozenTensorsNeverChange`](Law::FrozenTensorsNeverChange) |
//! | one inf turns a slow weight into NaN | [`NonFiniteGradientsNeverReachTheSlowWeights`](Law::NonFiniteGradientsNeverReachTheSlowWeights) |
//! | one counter per call, not per step | [`SeveralTensorsSyncAsOftenAsOne`](Law::SeveralTensorsSyncAsOftenAsOne) |
//! | tensors that join later are never synced | [`LateTensorsAreSeededAndSynced`](Law::LateTensorsAreSeededAndSynced) |
//! | evaluation swaps the weights and does not always swap them back | [`LookingOnChangesNothing`](Law::LookingOnChangesNothing) |
//! | bias corrections left behind by "interpolate" | [`BiasCorrectionFollowsTheMoments`](Law::BiasCorrectionFollowsTheMoments) |
//!
//! Two defects are not a matter of laws: that an invalid alpha or k is accepted (`errors.rs` of the core's tests) and a
//! pass over all slow weights at every step (a matter of speed).

#![deny(missing_docs)]

pub mod bases;
mod case;
mod compare;
mod law;
mod laws;
mod macros;
mod subject;

pub use case::{Case, initial_value};
pub use law::{Law, battery};
pub use subject::{Precision, Rule, Setup, Subject, Tensor};
