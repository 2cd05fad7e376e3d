//! The list of the laws, and how one is checked.

use lookahead::Averaging;

use crate::laws::{average, clock, identities, inner_state, membership, non_finite, outer, resume, sync};
use crate::{Case, Rule, Subject};

/// One law of Lookahead, for finite values unless it says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Law {
    /// With alpha = 1 and "maintain" the weights have the bits of the bare inner optimizer's; where theta follows from p to
    /// rounding for a Lookahead below, they are those to rounding.
    AlphaOneIsTheInnerOptimizer,
    /// With alpha = 1 "interpolate" has the bits of "maintain".
    InterpolateWithAlphaOneMaintains,
    /// Slow weights begin at theta_0 and move at each k-th step and at no other; then theta = phi bit for bit.
    FastEqualsSlowAfterEachSync,
    /// With a fixed alpha the slow weights are the average of Eq. 2, to rounding.
    SlowWeightsAreTheAverageOfEq2,
    /// A tensor whose gradient is missing keeps its bits, -0.0 too.
    FrozenTensorsNeverChange,
    /// A tensor whose gradient is zero keeps its bits, where the rule then rests.
    RestingTensorsNeverChange,
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
    /// A tensor whose gradients stop in mid-cycle is pulled back at the next sync and then stays, bit for bit.
    TensorsThatStopAreSyncedOnce,
    /// A run in which tensors join late and gradients are missing for a while, saved at any step and right after a tensor
    /// has joined, goes on with the same bits.
    ASavedRunGoesOnThroughJoinsAndGaps,
    /// A tensor that is frozen in mid-run keeps its bits until it is trained again, its slow weights meet it at the next
    /// sync, the others do not notice, and a save at any step around it goes on with the same bits.
    FreezingHoldsEveryBit,
    /// A tensor put in the place of another of its name and shape is one that has just joined: nothing of the old one
    /// stays, and a save at any step after it goes on with the same bits.
    ReplacedTensorsStartAfresh,
    /// Two tensors of one identity are refused at the first step, or stay one tensor: fast, slow, saved and loaded.
    TwinsStayOneOrAreRefused,
    /// A running mean is that of each tensor's own weights, from its first step on.
    AveragesAreOfEachTensorsOwnWeights,
    /// A gradient that is no finite number leaves the slow weights finite; its element keeps its phi, the others move. After
    /// a sync of a Lookahead below an average all weights are finite.
    NonFiniteGradientsNeverReachTheSlowWeights,
    /// A Lookahead with alpha = 1 inside another is not there, bit for bit; nor is one below an average that trains.
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
    /// An outer step without momentum has the bits of Eq. 1 with alpha = eta, also where it may have momentum later.
    AnOuterStepWithoutMomentumIsEq1,
    /// A restart of the outer momentum leaves nothing of it: under "reset" the run is a fresh one at phi, bit for bit.
    ARestartIsAFreshMomentum,
    /// With k = 1 an outer step around SGD is an average that trains, to rounding: with mu_x = mu_y = mu for Nesterov,
    /// with mu_y = 1 for the heavy ball.
    PeriodOneWithMomentumIsAnAverageThatTrains,
    /// When eta and the learning rate change, an outer buffer keeps its unit, and its ways: those of SNOO, the outer steps of
    /// MuLoCo, SlowMo's ways over the learning rate. After a load too.
    AnOuterBufferKeepsItsUnit,
    /// Several workers with the same gradients have the bits of one.
    EqualWorkersAreOne,
}

impl Law {
    /// All laws.
    pub const ALL: [Self; 35] = [
        Self::AlphaOneIsTheInnerOptimizer,
        Self::InterpolateWithAlphaOneMaintains,
        Self::FastEqualsSlowAfterEachSync,
        Self::SlowWeightsAreTheAverageOfEq2,
        Self::FrozenTensorsNeverChange,
        Self::RestingTensorsNeverChange,
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
        Self::TensorsThatStopAreSyncedOnce,
        Self::ASavedRunGoesOnThroughJoinsAndGaps,
        Self::FreezingHoldsEveryBit,
        Self::ReplacedTensorsStartAfresh,
        Self::TwinsStayOneOrAreRefused,
        Self::AveragesAreOfEachTensorsOwnWeights,
        Self::NonFiniteGradientsNeverReachTheSlowWeights,
        Self::LookaheadInsideWithAlphaOneIsTransparent,
        Self::PoliciesAgreeWithoutMemory,
        Self::PeriodOneScalesTheRateOfSgd,
        Self::LearningRateReachesTheRule,
        Self::OverflowNeverReachesTheSlowWeights,
        Self::MomentumInterpolates,
        Self::BiasCorrectionFollowsTheMoments,
        Self::AnOuterStepWithoutMomentumIsEq1,
        Self::ARestartIsAFreshMomentum,
        Self::PeriodOneWithMomentumIsAnAverageThatTrains,
        Self::AnOuterBufferKeepsItsUnit,
        Self::EqualWorkersAreOne,
    ];

    /// Whether the law says anything about this case: some are about one rule only.
    #[must_use]
    pub fn concerns(self, case: &Case) -> bool {
        let (rule, nested) = (case.base.rule, case.base.has_lookahead());
        match self {
            Self::LookaheadInsideWithAlphaOneIsTransparent => !nested,
            Self::PoliciesAgreeWithoutMemory => rule == Rule::Sgd && !case.inside_is_scheduled(),
            Self::AveragesAreOfEachTensorsOwnWeights => {
                matches!(case.base.averaging, Some(Averaging::Running { .. })) && !nested
            }
            Self::PeriodOneScalesTheRateOfSgd
            | Self::LearningRateReachesTheRule
            | Self::OverflowNeverReachesTheSlowWeights => rule == Rule::Sgd && !nested,
            Self::AdaptiveAlphaIsOneForAllTensors => case.tensors.len() > 1 && case.k() > 2,
            Self::MomentumInterpolates => rule == Rule::HeavyBall && case.k() > 1 && case.inside_interpolates(),
            Self::BiasCorrectionFollowsTheMoments => rule == Rule::Adam && !nested,
            Self::PeriodOneWithMomentumIsAnAverageThatTrains => matches!(rule, Rule::Sgd | Rule::HeavyBall) && !nested,
            Self::AnOuterBufferKeepsItsUnit | Self::EqualWorkersAreOne => !nested,
            _ => true,
        }
    }

    /// Whether it is about outer steps.
    fn is_of_outer_steps(self) -> bool {
        matches!(
            self,
            Self::AnOuterStepWithoutMomentumIsEq1
                | Self::ARestartIsAFreshMomentum
                | Self::PeriodOneWithMomentumIsAnAverageThatTrains
                | Self::AnOuterBufferKeepsItsUnit
                | Self::EqualWorkersAreOne
        )
    }

    /// Tries the law on a case, unless the subject is exempt from it.
    ///
    /// # Panics
    /// If the law is broken, saying where; if it does not concern the case; if the subject is exempt without a reason.
    pub fn check<S: Subject>(self, case: &Case) {
        assert!(self.concerns(case), "{self:?} says nothing about {:?}", case.base);
        let case = &case.rounded(S::PRECISION);
        if let Some(reason) = S::exemption(self, case) {
            assert!(!reason.is_empty(), "an exemption from {self:?} without a reason");
            return println!("{self:?} is not kept: {reason}");
        }
        if self.is_of_outer_steps() && !S::OUTER_STEPS {
            return println!("{self:?} is not kept: there are no outer steps with momentum here");
        }
        match self {
            Self::AlphaOneIsTheInnerOptimizer => identities::alpha_one_is_the_inner_optimizer::<S>(case),
            Self::InterpolateWithAlphaOneMaintains => identities::interpolate_with_alpha_one_maintains::<S>(case),
            Self::FastEqualsSlowAfterEachSync => sync::fast_equals_slow_after_each_sync::<S>(case),
            Self::SlowWeightsAreTheAverageOfEq2 => sync::slow_weights_are_the_average_of_eq2::<S>(case),
            Self::FrozenTensorsNeverChange => sync::frozen_tensors_never_change::<S>(case),
            Self::RestingTensorsNeverChange => sync::resting_tensors_never_change::<S>(case),
            Self::TensorsThatStopAreSyncedOnce => membership::tensors_that_stop_are_synced_once::<S>(case),
            Self::ASavedRunGoesOnThroughJoinsAndGaps => {
                membership::a_saved_run_goes_on_through_joins_and_gaps::<S>(case)
            }
            Self::FreezingHoldsEveryBit => membership::freezing_holds_every_bit::<S>(case),
            Self::ReplacedTensorsStartAfresh => membership::replaced_tensors_start_afresh::<S>(case),
            Self::TwinsStayOneOrAreRefused => membership::twins_stay_one_or_are_refused::<S>(case),
            Self::AveragesAreOfEachTensorsOwnWeights => average::averages_are_of_each_tensors_own_weights::<S>(case),
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
            Self::AnOuterStepWithoutMomentumIsEq1 => outer::an_outer_step_without_momentum_is_eq1::<S>(case),
            Self::ARestartIsAFreshMomentum => outer::a_restart_is_a_fresh_momentum::<S>(case),
            Self::PeriodOneWithMomentumIsAnAverageThatTrains => {
                outer::period_one_with_momentum_is_an_average_that_trains::<S>(case);
            }
            Self::AnOuterBufferKeepsItsUnit => outer::an_outer_buffer_keeps_its_unit::<S>(case),
            Self::EqualWorkersAreOne => outer::equal_workers_are_one::<S>(case),
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
