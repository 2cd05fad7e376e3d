//! The laws that every implementation of Lookahead must keep, as one battery of tests: for the core over slices, for
//! the Burn adapter, for a Lookahead inside another.
//!
//! Implement [`Subject`] for a thin wrapper of the implementation in a test file, and let [`laws!`] expand to one test
//! for each law and inner optimizer:
//!
//! ```text
//! struct Slices { /* … */ }
//! impl lookahead_laws::Subject for Slices { /* … */ }
//! lookahead_laws::laws!(slices: Slices);
//! ```
//!
//! What other implementations get wrong, and the law that each breaks (`tests/defects.rs` shows that it does):
//!
//! * slow weights seeded late, so that the first cycle is never pulled back:
//!   [`SlowWeightsAreTheAverageOfEq2`](Law::SlowWeightsAreTheAverageOfEq2)
//! * a saved state without slow weights or counter:
//!   [`ASavedRunGoesOnWithTheSameBits`](Law::ASavedRunGoesOnWithTheSameBits)
//! * "interpolate" with an aliased buffer, wrong from the second sync on:
//!   [`MomentumInterpolates`](Law::MomentumInterpolates)
//! * "reset" that does nothing:
//!   [`ResetIsAFreshInnerOptimizer`](Law::ResetIsAFreshInnerOptimizer)
//! * learning-rate schedules that no longer reach the inner optimizer, at once or after a load:
//!   [`LearningRateReachesTheRule`](Law::LearningRateReachesTheRule)
//! * fast weights that differ from the slow ones by rounding after a sync:
//!   [`FastEqualsSlowAfterEachSync`](Law::FastEqualsSlowAfterEachSync)
//! * frozen weights moved by the two-product form of Eq. 1:
//!   [`FrozenTensorsNeverChange`](Law::FrozenTensorsNeverChange)
//! * one inf that turns a slow weight into NaN:
//!   [`NonFiniteGradientsNeverReachTheSlowWeights`](Law::NonFiniteGradientsNeverReachTheSlowWeights)
//! * one count per call or tensor, not per step:
//!   [`SeveralTensorsSyncAsOftenAsOne`](Law::SeveralTensorsSyncAsOftenAsOne)
//! * tensors that join later and are never synced:
//!   [`LateTensorsAreSeededAndSynced`](Law::LateTensorsAreSeededAndSynced)
//! * evaluation that swaps the weights and does not always swap them back:
//!   [`LookingOnChangesNothing`](Law::LookingOnChangesNothing)
//! * a tensor that has just joined, saved without its slow weights:
//!   [`ASavedRunGoesOnThroughJoinsAndGaps`](Law::ASavedRunGoesOnThroughJoinsAndGaps)
//! * slow weights that go stale while a tensor is frozen:
//!   [`FreezingHoldsEveryBit`](Law::FreezingHoldsEveryBit)
//! * a new layer that inherits what was kept of the old one:
//!   [`ReplacedTensorsStartAfresh`](Law::ReplacedTensorsStartAfresh)
//! * of two layers that share an identity one that is never trained:
//!   [`TwinsStayOneOrAreRefused`](Law::TwinsStayOneOrAreRefused)
//! * a bias correction left behind by "interpolate":
//!   [`BiasCorrectionFollowsTheMoments`](Law::BiasCorrectionFollowsTheMoments)
//!
//! * an outer momentum that is left over where there should be none, or after a restart:
//!   [`AnOuterStepWithoutMomentumIsEq1`](Law::AnOuterStepWithoutMomentumIsEq1),
//!   [`ARestartIsAFreshMomentum`](Law::ARestartIsAFreshMomentum)
//! * workers that differ by the rounding of their mean: [`EqualWorkersAreOne`](Law::EqualWorkersAreOne)
//!
//! [`Rounded`] puts any of them under the same laws with bf16 slow weights, [`WithMomentum`] with the heavy ball as its
//! outer step.
//!
//! Two defects are not a matter of laws: that an invalid alpha or k is accepted (`errors.rs` of the core's tests) and a
//! pass over all slow weights at every step (a matter of speed).

#![deny(missing_docs)]

pub mod bases;
mod case;
mod changed;
mod compare;
pub mod conformance;
pub mod family;
pub mod golden;
mod law;
mod laws;
mod limits;
mod macros;
mod subject;

pub use case::{Case, initial_value};
pub use changed::{Bf16, Change, Changed, HeavyBall, Rounded, WithMomentum};
pub use law::{Law, battery};
pub use limits::Limits;
pub use subject::{Precision, Rule, Setup, Slow, Subject, Tensor};
