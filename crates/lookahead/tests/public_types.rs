//! Every public type can be printed, sent to another thread and shared between threads.

use std::fmt::Debug;

use lookahead::kernels::{
    AlphaSums, AlphaTerms, InstructionSet, Pass, Slow, SlowValues, Task, TensorSync, adafactor, adam, bf16, look_ahead,
    momentum, sgd,
};
use lookahead::rules::{
    AdaFactor, AdaFactorState, Adam, AdamHyperparameters, AdamState, AdamW, BiasCorrection, Sgd, SgdState,
};
use lookahead::{
    Adaptive, Alpha, Averaged, AveragedState, Averaging, Buffer, BufferUnit, ChosenAlpha, CurvaturePower, Description,
    EmaNesterov, EmaNesterovConfig, EmaNesterovState, Error, Gpa, Grads, InnerStatePolicy, Layer, Lookahead,
    LookaheadConfig, LookaheadState, NonMonotonicTrigger, OuterForm, OuterMomentum, OuterRate, OuterStep, Param,
    ParamSet, PowerWarmUp, PrimalAveraged, PrimalAveraging, PublishedDecay, PullBack, Schedule, ScheduleFree,
    SecondMoment, SlowStorage, SquaredGradients, StepSize, Storage, SyncClock, SyncPeriod, SyncReport, Tick, Value,
    Workers,
};

fn is_sound<T: Debug + Send + Sync>() {}

macro_rules! are_sound {
    ($($type:ty),+ $(,)?) => { $(is_sound::<$type>();)+ };
}

#[test]
fn public_types_are_debug_send_and_sync() {
    are_sound!(
        Adaptive,
        Alpha,
        Averaging,
        ChosenAlpha,
        CurvaturePower,
        Description,
        Error,
        InnerStatePolicy,
        Layer,
        LookaheadConfig,
        NonMonotonicTrigger,
        SlowStorage,
        StepSize,
        SyncClock,
        SyncPeriod,
        SyncReport,
        Tick,
        Value,
        Schedule<Alpha>,
        Schedule<SyncPeriod>,
        BufferUnit,
        EmaNesterovConfig,
        Gpa,
        PowerWarmUp,
        PrimalAveraging,
        PublishedDecay,
        ScheduleFree,
        OuterForm,
        OuterMomentum,
        OuterRate,
        OuterStep,
    );
    are_sound!(AdaFactor, Adam, AdamHyperparameters, AdamW, BiasCorrection, Sgd);
    are_sound!(
        PrimalAveraged<Lookahead<Sgd>>,
        Lookahead<Averaged<Sgd>>,
        Averaged<Lookahead<AdamW>>,
        EmaNesterov<AdamW>
    );
    type Nested<T> = LookaheadState<T, AveragedState<T, SgdState<T>>>;
    are_sound!(EmaNesterovState<f32, SgdState<f32>>, look_ahead::Coefficients<f32>);
    are_sound!(Nested<f32>, Nested<f64>, AdamState<f32>, AdaFactorState<f64>, SquaredGradients<f32>);
    are_sound!(Buffer<f32>, ParamSet<'static, f32>, Param<'static, f64>, Storage<'static, f32>, Grads<'static, f32>);
    are_sound!(PullBack<'static, f32, SgdState<f32>>, SecondMoment<'static, f32>);
    are_sound!(Pass, InstructionSet, AlphaSums, AlphaTerms<'static, f32>, SlowValues<'static, f32>, Slow<'static, f32>);
    are_sound!(Task<'static, f32, adam::Coefficients<f32>, 2>, TensorSync<'static, f32, 1>);
    are_sound!(
        adafactor::Coefficients,
        adam::Coefficients<f32>,
        momentum::Coefficients<f32>,
        Workers<f64>,
        sgd::Coefficients<f64>,
        bf16::Rounding
    );
}

#[cfg(feature = "serde")]
#[test]
fn snapshots_are_too() {
    is_sound::<lookahead::Snapshot>();
}
