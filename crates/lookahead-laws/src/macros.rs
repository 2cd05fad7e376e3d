//! One test for each law and inner optimizer, so that a failure names both.

/// Expands to a module of tests, `NAME::BASE::LAW`, one for each law that concerns each inner optimizer.
///
/// `laws!(NAME: SUBJECT)` runs the eight that every implementation has; `laws!(NAME: SUBJECT; BASE, …)` the given
/// functions of [`bases`](crate::bases). SUBJECT is the name of a type in scope that implements
/// [`Subject`](crate::Subject).
#[macro_export]
macro_rules! laws {
    ($name:ident: $subject:ident) => {
        $crate::laws! { $name: $subject;
            sgd, heavy_ball, nesterov, adam, adam_w, nested_sgd, nested_heavy_ball, nested_adam,
        }
    };
    ($name:ident: $subject:ident; $($base:ident),+ $(,)?) => {
        mod $name {
            $(mod $base {
                use super::super::$subject;

                $crate::laws!(@every $subject $base);
                $crate::laws!(@only $base $subject);
            })+
        }
    };
    (@every $subject:ident $base:ident) => {
        $crate::laws! { @tests $subject $base
            alpha_one_is_the_inner_optimizer: AlphaOneIsTheInnerOptimizer,
            interpolate_with_alpha_one_maintains: InterpolateWithAlphaOneMaintains,
            fast_equals_slow_after_each_sync: FastEqualsSlowAfterEachSync,
            slow_weights_are_the_average_of_eq2: SlowWeightsAreTheAverageOfEq2,
            frozen_tensors_never_change: FrozenTensorsNeverChange,
            a_saved_run_goes_on_with_the_same_bits: ASavedRunGoesOnWithTheSameBits,
            a_saved_run_with_adaptive_alpha_goes_on: ASavedRunWithAdaptiveAlphaGoesOn,
            resting_tensors_never_change: RestingTensorsNeverChange,
            looking_on_changes_nothing: LookingOnChangesNothing,
            reset_is_a_fresh_inner_optimizer: ResetIsAFreshInnerOptimizer,
            several_tensors_sync_as_often_as_one: SeveralTensorsSyncAsOftenAsOne,
            missing_gradients_do_not_stop_the_clock: MissingGradientsDoNotStopTheClock,
            adaptive_alpha_is_one_for_all_tensors: AdaptiveAlphaIsOneForAllTensors,
            sync_now_after_a_sync_changes_nothing: SyncNowAfterASyncChangesNothing,
            sync_now_ends_a_partial_cycle: SyncNowEndsAPartialCycle,
            late_tensors_are_seeded_and_synced: LateTensorsAreSeededAndSynced,
            tensors_that_stop_are_synced_once: TensorsThatStopAreSyncedOnce,
            a_saved_run_goes_on_through_joins_and_gaps: ASavedRunGoesOnThroughJoinsAndGaps,
            freezing_holds_every_bit: FreezingHoldsEveryBit,
            replaced_tensors_start_afresh: ReplacedTensorsStartAfresh,
            twins_stay_one_or_are_refused: TwinsStayOneOrAreRefused,
            non_finite_gradients_never_reach_the_slow_weights: NonFiniteGradientsNeverReachTheSlowWeights,
            an_outer_step_without_momentum_is_eq1: AnOuterStepWithoutMomentumIsEq1,
            a_restart_is_a_fresh_momentum: ARestartIsAFreshMomentum,
        }
    };
    (@transparent $subject:ident $base:ident) => {
        $crate::laws! { @tests $subject $base
            lookahead_inside_with_alpha_one_is_transparent: LookaheadInsideWithAlphaOneIsTransparent,
            an_outer_buffer_keeps_its_unit: AnOuterBufferKeepsItsUnit,
            equal_workers_are_one: EqualWorkersAreOne,
        }
    };
    (@memoryless $subject:ident $base:ident) => {
        $crate::laws! { @tests $subject $base policies_agree_without_memory: PoliciesAgreeWithoutMemory, }
    };
    (@linear $subject:ident $base:ident) => {
        $crate::laws! { @tests $subject $base
            period_one_with_momentum_is_an_average_that_trains: PeriodOneWithMomentumIsAnAverageThatTrains,
        }
    };
    (@momentum $subject:ident $base:ident) => {
        $crate::laws! { @tests $subject $base momentum_interpolates: MomentumInterpolates, }
    };
    (@only sgd $subject:ident) => {
        $crate::laws!(@transparent $subject sgd);
        $crate::laws!(@memoryless $subject sgd);
        $crate::laws!(@linear $subject sgd);
        $crate::laws! { @tests $subject sgd
            period_one_scales_the_rate_of_sgd: PeriodOneScalesTheRateOfSgd,
            learning_rate_reaches_the_rule: LearningRateReachesTheRule,
            overflow_never_reaches_the_slow_weights: OverflowNeverReachesTheSlowWeights,
        }
    };
    (@only heavy_ball $subject:ident) => {
        $crate::laws!(@transparent $subject heavy_ball);
        $crate::laws!(@momentum $subject heavy_ball);
        $crate::laws!(@linear $subject heavy_ball);
    };
    (@only adam $subject:ident) => {
        $crate::laws!(@transparent $subject adam);
        $crate::laws! { @tests $subject adam bias_correction_follows_the_moments: BiasCorrectionFollowsTheMoments, }
    };
    (@only nested_sgd $subject:ident) => {
        $crate::laws!(@memoryless $subject nested_sgd);
    };
    (@only nested_heavy_ball $subject:ident) => {
        $crate::laws!(@momentum $subject nested_heavy_ball);
    };
    (@only averaged $subject:ident) => {
        $crate::laws!(@transparent $subject averaged);
        $crate::laws!(@momentum $subject averaged);
        $crate::laws!(@linear $subject averaged);
        $crate::laws! { @tests $subject averaged
            averages_are_of_each_tensors_own_weights: AveragesAreOfEachTensorsOwnWeights,
        }
    };
    (@only nested_averaged $subject:ident) => {
        $crate::laws!(@momentum $subject nested_averaged);
    };
    (@only nested_scheduled $subject:ident) => {};
    (@only gpa_around_lookahead $subject:ident) => {};
    (@only ema_nesterov_around_lookahead $subject:ident) => {};
    (@only nested_adam $subject:ident) => {};
    (@only nested_ada_factor $subject:ident) => {};
    (@only $base:ident $subject:ident) => {
        $crate::laws!(@transparent $subject $base);
    };
    (@tests $subject:ident $base:ident $($test:ident: $law:ident,)+) => {
        $(#[test]
        fn $test() {
            $crate::Law::$law.check::<$subject>(&$crate::Case::standard($crate::bases::$base()));
        })+
    };
}
