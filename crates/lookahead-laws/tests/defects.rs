//! The laws can fail: Algorithm 1 written out keeps them, and each defect of other implementations breaks one.

mod textbook;

use lookahead_laws::{Case, Law, Rounded, WithMomentum, bases, laws};

use textbook::Textbook;
use textbook::beside::{self, Beside};

type Sound = Textbook<{ textbook::NONE }>;

type SoundWithMomentum = WithMomentum<Sound>;
type SoundBeside = Beside<{ beside::NONE }>;
type SoundWithinLimits = Textbook<{ textbook::RESETS_LATE_AS_STATED }>;

laws!(sound: Sound; sgd, heavy_ball, adam, averaged);
laws!(sound_with_momentum: SoundWithMomentum; sgd, heavy_ball, adam, averaged);
laws!(sound_beside: SoundBeside; ema_nesterov, ema_nesterov_around_lookahead);
laws!(sound_within_limits: SoundWithinLimits; sgd, heavy_ball, adam);

#[test]
fn every_law_has_its_test() {
    let macros = include_str!("../src/macros.rs");
    for law in Law::ALL {
        assert_eq!(macros.matches(&format!(": {law:?},")).count(), 1, "tests of {law:?} in laws!");
    }
}

/// One test for each pair of lines: the law must be broken, with words that show where.
macro_rules! defects {
    (@of $book:ident $($test:ident: $($defect:ident)::+ with $base:ident breaks $law:ident, $words:literal;)+) => {
        $(#[test]
        #[should_panic(expected = $words)]
        fn $test() {
            Law::$law.check::<$book<{ textbook::$($defect)::+ }>>(&Case::standard(bases::$base()));
        })+
    };
    ($($entries:tt)+) => { defects! { @of Textbook $($entries)+ } };
}

/// Slow weights in full precision are not what a bf16 storage has.
#[test]
#[should_panic(expected = "slow weights are seeded from theta_0")]
fn full_precision_passed_off_as_bf16() {
    Law::FastEqualsSlowAfterEachSync.check::<Rounded<Sound>>(&Case::standard(bases::sgd()));
}

defects! {
    slow_weights_seeded_late: SEEDED_LATE with sgd
        breaks SlowWeightsAreTheAverageOfEq2, "after outer step 0";
    saved_without_slow_weights: SAVED_WITHOUT_SLOW with sgd
        breaks ASavedRunGoesOnWithTheSameBits, "saved after step 1";
    saved_without_the_counter: SAVED_WITHOUT_CLOCK with sgd
        breaks ASavedRunGoesOnWithTheSameBits, "saved after step 1";
    anchor_not_renewed: ANCHOR_STAYS with heavy_ball
        breaks MomentumInterpolates, "after outer step 2";
    reset_does_nothing: RESET_DOES_NOTHING with heavy_ball
        breaks ResetIsAFreshInnerOptimizer, "at phi_1, after step 5";
    reset_does_nothing_for_adam: RESET_DOES_NOTHING with adam
        breaks ResetIsAFreshInnerOptimizer, "at phi_1, after step 5";
    rate_of_the_first_step: RATE_STAYS with sgd
        breaks LearningRateReachesTheRule, "step 1 with learning rate 0.01";
    rate_lost_by_a_load: RATE_STAYS_AFTER_LOAD with sgd
        breaks LearningRateReachesTheRule, "step 3 with learning rate 0.25";
    fast_and_slow_differ_by_rounding: FAST_ROUNDED_APART with sgd
        breaks FastEqualsSlowAfterEachSync, "after step 4";
    resting_weights_move: TWO_PRODUCTS with sgd
        breaks RestingTensorsNeverChange, "gradient Some";
    frozen_weights_move: TWO_PRODUCTS with sgd
        breaks FrozenTensorsNeverChange, "gradient None";
    poison_reaches_the_slow_weights: NO_GUARD with adam
        breaks NonFiniteGradientsNeverReachTheSlowWeights, "slow weights";
    poison_stays_in_the_moments: RESETS_LATE with heavy_ball
        breaks NonFiniteGradientsNeverReachTheSlowWeights, "Maintain: a gradient of NaN";
    overflow_reaches_the_slow_weights: NO_GUARD with sgd
        breaks OverflowNeverReachesTheSlowWeights, "overflow";
    one_count_per_tensor: COUNTS_TENSORS with sgd
        breaks SeveralTensorsSyncAsOftenAsOne, "among others and alone";
    one_clock_per_tensor: CLOCK_PER_TENSOR with sgd
        breaks MissingGradientsDoNotStopTheClock, "without some gradients";
    late_tensors_never_synced: LATE_NEVER_SYNCED with sgd
        breaks LateTensorsAreSeededAndSynced, "joined after step 0";
    evaluation_leaves_the_swap: SWAP_NOT_UNDONE with sgd
        breaks LookingOnChangesNothing, "evaluated and saved";
    bias_correction_left_behind: CORRECTION_STAYS with adam
        breaks BiasCorrectionFollowsTheMoments, "Interpolate: step 5";
    empty_cycle_counted: EMPTY_CYCLE_COUNTS with sgd
        breaks SyncNowAfterASyncChangesNothing, "sync_now at phase 0";
    partial_cycle_goes_on: PHASE_GOES_ON with sgd
        breaks SyncNowEndsAPartialCycle, "slow weights 3 steps later";
    a_tensor_that_stopped_is_left_out: SKIPS_WITHOUT_GRADIENT with sgd
        breaks TensorsThatStopAreSyncedOnce, "without gradients after step 1: fast and slow at the sync";
    a_tensor_that_joined_is_saved_in_part: SAVED_BEFORE_SEEDED with sgd
        breaks ASavedRunGoesOnThroughJoinsAndGaps, "saved before step 5";
    stale_slow_weights_when_frozen: STALE_WHEN_FROZEN with sgd
        breaks FreezingHoldsEveryBit, "frozen before step 1, trained again before step 6: after step 4: fast and slow";
    a_frozen_tensor_is_pulled_back: PULLED_WHEN_FROZEN with sgd
        breaks FreezingHoldsEveryBit, "frozen before step 1, trained again before step 6: after step 4: the frozen";
    the_old_layers_slow_weights: INHERITS with sgd
        breaks ReplacedTensorsStartAfresh, "replaced before step 4";
    the_old_layers_moments: INHERITS with adam
        breaks ReplacedTensorsStartAfresh, "replaced before step 4";
    a_twin_left_behind: TWIN_STAYS with sgd
        breaks TwinsStayOneOrAreRefused, "fast: one tensor";
    momentum_left_over: outer::MOMENTUM_LEFT_OVER with sgd
        breaks AnOuterStepWithoutMomentumIsEq1, "mu Steps";
    restart_of_momentum_does_nothing: outer::RESTART_DOES_NOTHING with adam
        breaks ARestartIsAFreshMomentum, "and fresh: after step 12";
    nesterov_with_the_old_buffer: outer::OLD_BUFFER with sgd
        breaks PeriodOneWithMomentumIsAnAverageThatTrains, "mu_y = 0.5, after step 1";
    mulocos_buffer_in_ways: outer::MULOCO_AS_SNOO with sgd
        breaks AnOuterBufferKeepsItsUnit, "a buffer in OuterStep, after outer step 1";
    slowmos_buffer_in_ways: outer::SLOWMO_WITHOUT_RATES with adam
        breaks AnOuterBufferKeepsItsUnit, "a buffer in DeltaOverLearningRate, after outer step 1";
    a_mean_that_rounds: outer::MEAN_ROUNDS with sgd
        breaks EqualWorkersAreOne, "3 workers and one";
    one_count_for_all_means: ONE_COUNT_FOR_ALL_MEANS with averaged
        breaks AveragesAreOfEachTensorsOwnWeights, "a tensor joined after step 2";
}

defects! { @of Beside
    a_lookahead_below_syncs_p: beside::SYNCED_AT_P with ema_nesterov
        breaks LookaheadInsideWithAlphaOneIsTransparent, "below, period 1, after step 2: evaluated";
    a_resting_look_ahead_loses_bits: beside::RECOMPUTED with ema_nesterov_around_lookahead
        breaks TensorsThatStopAreSyncedOnce, "fast";
    poison_stays_above_the_lookahead_below: beside::STAYS_NAN with ema_nesterov_around_lookahead
        breaks NonFiniteGradientsNeverReachTheSlowWeights, "weights after the sync below";
    saved_without_the_lookahead_below: beside::SAVED_WITHOUT_BELOW with ema_nesterov_around_lookahead
        breaks ASavedRunGoesOnWithTheSameBits, "saved after step 1";
    a_lookahead_below_left_behind: beside::LEFT_BEHIND with ema_nesterov_around_lookahead
        breaks SlowWeightsAreTheAverageOfEq2, "the same gradients";
}
