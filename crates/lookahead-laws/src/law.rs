//! The list of the laws, and how one is checked.

use crate::laws::{clock, identities, inner_state, non_finite, resume, sync};
use crate::{Case, Rule, Subject};

/// One law of Lookahead, for finite values unless it says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Law {
    /// With alpha = 1 and "maintain" the weights have the bits of the bare inner optimizer's.
    AlphaOneIsTheInnerOptimizer,
    /// With alpha = 1 "interpolate" has the bits of "maintain".
    InterpolateWithAlphaOneMaintains,
    /// Slow weights begin at theta_0 and move at each k-th step and at no other; then theta = phi bit for bit.
    FastEqualsSlowAfterEachSync,
    /// With a fixed alpha the slow weights are the average of Eq. 2, to rounding.
    SlowWeightsAreTheAverageOfEq2,
    /// A tensor whose gradient is missing, or zero where the rule then rests, keeps its bits, -0.0 too.
    FrozenTensorsNeverChange,
    /// A run saved at any step of the cycle and loaded elsewhere goes on with the same bits, schedules included.
    ASavedRunGoesOnWithTheSameBits,
    /// The same with an adaptive alpha.
    ASavedRunWithAdaptiveAlphaGoesOn,
    /// Evaluating and saving after any step change no bit of what follows.
    LookingOnChangesNothing,
    /// After a sync with "reset" the inner optimizer is a fresh one at phi.
    ResetIsAFreshInnerOptimizer,
    /// Each of several tensors has the bits it has alone.
    SeveralTensorsSyncAsOftenAsOne,
    /// A tensor without a gradient in some steps is synced all the same, and the others do not notice.
    MissingGradientsDoNotStopTheClock,
    /// Prop. 1's alpha is one number over all tensors.
    AdaptiveAlphaIsOneForAllTensors,
    /// `sync_now` right after a sync, or before the first step, changes nothing: not the weights, not the schedules.
    SyncNowAfterASyncChangesNothing,
    /// `sync_now` after p steps is a sync with period p, and a full cycle follows.
    SyncNowEndsAPartialCycle,
    /// A tensor that joins later is seeded from its value then and synced with the others.
    LateTensorsAreSeededAndSynced,
    /// A gradient that is no finite number leaves the slow weights finite; its element keeps its phi, the others move.
    NonFiniteGradientsNeverReachTheSlowWeights,
    /// A Lookahead with alpha = 1 inside another is not there, bit for bit.
    LookaheadInsideWithAlphaOneIsTransparent,
    /// Without momentum the three policies have the same bits: also a Lookahead inside restarts from phi.
    PoliciesAgreeWithoutMemory,
    /// k = 1 around plain SGD is SGD at rate alpha gamma, to rounding.
    PeriodOneScalesTheRateOfSgd,
    /// The learning rate of each step is the one the rule uses, after a load too.
    LearningRateReachesTheRule,
    /// Where phi and theta are finite but not their difference, phi stays.
    OverflowNeverReachesTheSlowWeights,
    /// Under "interpolate" the velocity moves from its value at the last sync, as Eq. 1 moves the weights.
    MomentumInterpolates,
    /// On a constant gradient Adam's steps are gamma long under every policy: the bias correction follows its moments.
    BiasCorrectionFollowsTheMoments,
}

impl Law {
    /// All laws.
    pub const ALL: [Self; 23] = [
        Self::AlphaOneIsTheInnerOptimizer,
        Self::InterpolateWithAlphaOneMaintains,
        Self::FastEqualsSlowAfterEachSync,
        Self::SlowWeightsAreTheAverageOfEq2,
        Self::FrozenTensorsNeverChange,
        Self::ASavedRunGoesOnWithTheSameBits,
        Self::ASavedRunWithAdaptiveAlphaGoesOn,
        Self::LookingOnChangesNothing,
        Self::ResetIsAFreshInnerOptimizer,
        Self::SeveralTensorsSyncAsOftenAsOne,
        Self::MissingGradientsDoNotStopTheClock,
        Self::AdaptiveAlphaIsOneForAllTensors,
        Self::SyncNowAfterASyncChangesNothing,
        Self::SyncNowEndsAPartialCycle,
        Self::LateTensorsAreSeededAndSynced,
        Self::NonFiniteGradientsNeverReachTheSlowWeights,
        Self::LookaheadInsideWithAlphaOneIsTransparent,
        Self::PoliciesAgreeWithoutMemory,
        Self::PeriodOneScalesTheRateOfSgd,
        Self::LearningRateReachesTheRule,
        Self::OverflowNeverReachesTheSlowWeights,
        Self::MomentumInterpolates,
        Self::BiasCorrectionFollowsTheMoments,
    ];

    /// Whether the law says anything about this case: some are about one rule only.
    #[must_use]
    pub fn concerns(self, case: &Case) -> bool {
        let (rule, nested) = (case.base.rule, case.base.has_lookahead());
        match self {
            Self::LookaheadInsideWithAlphaOneIsTransparent => !nested,
            Self::PoliciesAgreeWithoutMemory => rule == Rule::Sgd,
            Self::PeriodOneScalesTheRateOfSgd
            | Self::LearningRateReachesTheRule
            | Self::OverflowNeverReachesTheSlowWeights => rule == Rule::Sgd && !nested,
            Self::AdaptiveAlphaIsOneForAllTensors => case.tensors.len() > 1 && case.k() > 2,
            Self::MomentumInterpolates => rule == Rule::HeavyBall && case.k() > 1 && case.inside_interpolates(),
            Self::BiasCorrectionFollowsTheMoments => rule == Rule::Adam && !nested,
            _ => true,
        }
    }

    /// Tries the law on a case, unless the subject is exempt from it.
    ///
    /// # Panics
    /// If the law is broken, saying where; if it does not concern the case; if the subject is exempt without a reason.
    pub fn check<S: Subject>(self, case: &Case) {
        assert!(self.concerns(case), "{self:?} says nothing about {:?}", case.base);
        if let Some(reason) = S::exemption(self) {
            assert!(!reason.is_empty(), "an exemption from {self:?} without a reason");
            return println!("{self:?} is not kept: {reason}");
        }
        match self {
            Self::AlphaOneIsTheInnerOptimizer => identities::alpha_one_is_the_inner_optimizer::<S>(case),
            Self::InterpolateWithAlphaOneMaintains => identities::interpolate_with_alpha_one_maintains::<S>(case),
            Self::FastEqualsSlowAfterEachSync => sync::fast_equals_slow_after_each_sync::<S>(case),
            Self::SlowWeightsAreTheAverageOfEq2 => sync::slow_weights_are_the_average_of_eq2::<S>(case),
            Self::FrozenTensorsNeverChange => sync::frozen_tensors_never_change::<S>(case),
            Self::ASavedRunGoesOnWithTheSameBits => resume::a_saved_run_goes_on_with_the_same_bits::<S>(case),
            Self::ASavedRunWithAdaptiveAlphaGoesOn => resume::a_saved_run_with_adaptive_alpha_goes_on::<S>(case),
            Self::LookingOnChangesNothing => resume::looking_on_changes_nothing::<S>(case),
            Self::ResetIsAFreshInnerOptimizer => inner_state::reset_is_a_fresh_inner_optimizer::<S>(case),
            Self::SeveralTensorsSyncAsOftenAsOne => clock::several_tensors_sync_as_often_as_one::<S>(case),
            Self::MissingGradientsDoNotStopTheClock => clock::missing_gradients_do_not_stop_the_clock::<S>(case),
            Self::AdaptiveAlphaIsOneForAllTensors => clock::adaptive_alpha_is_one_for_all_tensors::<S>(case),
            Self::SyncNowAfterASyncChangesNothing => sync::sync_now_after_a_sync_changes_nothing::<S>(case),
            Self::SyncNowEndsAPartialCycle => sync::sync_now_ends_a_partial_cycle::<S>(case),
            Self::LateTensorsAreSeededAndSynced => sync::late_tensors_are_seeded_and_synced::<S>(case),
            Self::NonFiniteGradientsNeverReachTheSlowWeights => {
                non_finite::non_finite_gradients_never_reach_the_slow_weights::<S>(case);
            }
            Self::LookaheadInsideWithAlphaOneIsTransparent => {
                identities::lookahead_inside_with_alpha_one_is_transparent::<S>(case);
            }
            Self::PoliciesAgreeWithoutMemory => identities::policies_agree_without_memory::<S>(case),
            Self::PeriodOneScalesTheRateOfSgd => identities::period_one_scales_the_rate_of_sgd::<S>(case),
            Self::LearningRateReachesTheRule => identities::learning_rate_reaches_the_rule::<S>(case),
            Self::OverflowNeverReachesTheSlowWeights => non_finite::overflow_never_reaches_the_slow_weights::<S>(case),
            Self::MomentumInterpolates => inner_state::momentum_interpolates::<S>(case),
            Self::BiasCorrectionFollowsTheMoments => inner_state::bias_correction_follows_the_moments::<S>(case),
        }
    }
}

/// Tries every law that concerns a case.
///
/// # Panics
/// At the first law that is broken. [`laws!`](crate::laws) makes a test of each instead.
pub fn battery<S: Subject>(case: &Case) {
    for law in Law::ALL.into_iter().filter(|law| law.concerns(case)) {
        law.check::<S>(case);
    }
}
