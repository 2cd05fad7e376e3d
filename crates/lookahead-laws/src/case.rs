//! The problem that a law is tried on: tensors, hyperparameters, and gradients that depend on the weights.

use std::ops::Range;

use lookahead::{Alpha, InnerStatePolicy, LookaheadConfig, OuterMomentum, OuterRate, Schedule, SyncPeriod};

use crate::{Precision, Setup, Subject, Tensor};

/// What a law is tried on.
#[derive(Debug, Clone)]
pub struct Case {
    /// The inner optimizer: a rule, or a rule with a Lookahead around it. The laws put one more around it.
    pub base: Setup,
    /// The initial weights: at least one tensor is not empty.
    pub tensors: Vec<Tensor>,
    /// k, a multiple of every sync period in `base`.
    pub sync_period: SyncPeriod,
    /// alpha, in (0, 1].
    pub alpha: Alpha,
}

/// The three policies of App. C.5.
const POLICIES: [InnerStatePolicy; 3] =
    [InnerStatePolicy::Maintain, InnerStatePolicy::Interpolate, InnerStatePolicy::Reset];

/// Those that a subject can keep.
pub(crate) fn policies<S: Subject>() -> impl Iterator<Item = InnerStatePolicy> {
    POLICIES.into_iter().filter(|policy| S::keeps(*policy))
}

impl Case {
    /// Three tensors, k = 4 and alpha = 0.3, which no binary fraction is: rounding shows.
    #[must_use]
    pub fn standard(base: Setup) -> Self {
        let tensor = |name: &str, shape: &[usize]| {
            let values = (0..shape.iter().product()).map(|i| initial_value(name, i)).collect();
            Tensor::new(name, shape, values)
        };
        let tensors = vec![tensor("weight", &[2, 3]), tensor("bias", &[3]), tensor("gain", &[1])];
        Self { base, tensors, sync_period: period(4), alpha: alpha(0.3) }
    }

    /// k as a number of steps.
    pub(crate) fn k(&self) -> u64 {
        self.sync_period.get().into()
    }

    /// eta: alpha.
    pub(crate) fn eta(&self) -> OuterRate {
        self.alpha.into()
    }

    /// Whether a first cycle of so many steps before those of k ends where one of the base does, and all later ones too.
    pub(crate) fn nests(&self, steps: u32) -> bool {
        let Some(inside) = self.base.lookaheads.last().or(self.base.below.as_ref()) else { return true };
        SyncPeriod::new(steps).is_ok_and(|first| {
            let periods = changing(first, [(1, self.sync_period)]);
            LookaheadConfig::new()
                .with_sync_period(periods)
                .nests_around(std::slice::from_ref(inside.sync_period()))
                .is_ok()
        })
    }

    /// The same with values that this precision holds exactly.
    pub(crate) fn rounded(&self, precision: Precision) -> Self {
        let mut case = self.clone();
        let values = case.tensors.iter_mut().flat_map(|tensor| &mut tensor.values);
        values.for_each(|value| *value = precision.round(*value));
        case
    }

    /// Whether a Lookahead in the base, if there is one, interpolates, more than once in k and not at every step.
    pub(crate) fn inside_interpolates(&self) -> bool {
        self.base.lookaheads.iter().all(|inside| {
            let period = inside.sync_period().at(0).get();
            inside.inner_state() == InnerStatePolicy::Interpolate && period > 1 && self.sync_period.get() > period
        })
    }

    /// Whether a Lookahead in the base has a schedule of k.
    pub(crate) fn inside_is_scheduled(&self) -> bool {
        self.base.lookaheads.iter().any(|inside| inside.sync_period().values().count() > 1)
    }

    /// Whether a sync follows the step (counted from 0) of a run with period k.
    pub(crate) fn syncs_after(&self, step: u64) -> bool {
        (step + 1).is_multiple_of(self.k())
    }

    /// Lookahead around the base, with the case's k and alpha.
    pub(crate) fn lookahead(&self, policy: InnerStatePolicy) -> Setup {
        self.base.inside(self.config(policy))
    }

    pub(crate) fn config(&self, policy: InnerStatePolicy) -> LookaheadConfig {
        LookaheadConfig::new().with_sync_period(self.sync_period).with_alpha(self.alpha).with_inner_state(policy)
    }

    /// The same Lookahead, but that outer step `outer` does not end for a long while: its fast weights can be seen
    /// before the pull-back.
    pub(crate) fn never_ending(&self, policy: InnerStatePolicy, outer: u64) -> Setup {
        self.base.inside(never_ending(self.config(policy), outer))
    }

    /// Lookahead with periods k, 2 k, k, … and step sizes alpha, alpha / 2, alpha, …: the outer count shows.
    pub(crate) fn scheduled(&self, policy: InnerStatePolicy) -> Setup {
        let k = self.sync_period;
        let periods = changing(k, [(1, period(2 * k.get())), (2, k)]);
        let alphas = changing(self.alpha, [(1, alpha(self.alpha.get() / 2.0)), (2, self.alpha)]);
        self.base.inside(self.config(policy).with_sync_period(periods).with_alpha(alphas))
    }

    /// Only tensor `index` of the case.
    pub(crate) fn alone(&self, index: usize) -> Self {
        Self { tensors: vec![self.tensors[index].clone()], ..self.clone() }
    }

    pub(crate) fn new_subject<S: Subject>(&self, setup: &Setup) -> S {
        S::new(setup, &self.tensors)
    }

    /// Saves a subject and loads it as a new process would.
    pub(crate) fn reload<S: Subject>(&self, setup: &Setup, subject: &S) -> S {
        let blank: Vec<Tensor> = self.tensors.iter().map(Tensor::blank).collect();
        S::load(setup, &blank, &subject.save())
    }

    /// The learning rate of a step: it changes all the time.
    pub(crate) fn lr(&self, step: u64) -> f64 {
        [0.125, 0.0625, 0.1][(step % 3) as usize]
    }

    /// The gradients at the weights given, of a noisy quadratic: `c (w - target) + noise`, keyed by tensor name,
    /// element and step.
    pub(crate) fn gradients<S: Subject>(&self, step: u64, weights: &[Vec<f64>]) -> Vec<Option<Vec<f64>>> {
        let gradient = |tensor: &Tensor, weights: &Vec<f64>| {
            let at = |(i, w): (usize, &f64)| {
                let curvature = 0.75 + 0.5 * uniform(&tensor.name, i, u64::MAX);
                let target = uniform(&tensor.name, i, u64::MAX - 1);
                S::PRECISION.round(curvature * (w - target) + uniform(&tensor.name, i, step))
            };
            weights.iter().enumerate().map(at).collect()
        };
        self.tensors.iter().zip(weights).map(|(tensor, weights)| Some(gradient(tensor, weights))).collect()
    }

    /// Takes the steps given, each with its learning rate and the gradients at the subject's weights.
    pub(crate) fn advance<S: Subject>(&self, subject: &mut S, steps: Range<u64>) {
        for step in steps {
            let grads = self.gradients::<S>(step, &subject.weights());
            subject.step(self.lr(step), &grads);
        }
    }
}

/// An initial value in (-1, 1) that an `f32` holds exactly, with a negative zero first.
#[must_use]
pub fn initial_value(name: &str, element: usize) -> f64 {
    if element == 0 { -0.0 } else { f64::from(uniform(name, element, u64::MAX - 2) as f32) }
}

/// A number in (-1, 1), the same for the same key.
fn uniform(name: &str, element: usize, stream: u64) -> f64 {
    let seed = name.bytes().fold(element as u64, |seed, byte| mix(seed ^ u64::from(byte)));
    let bits = mix(seed ^ mix(stream)) >> 11;
    (bits as f64 + 0.5) / (1_u64 << 52) as f64 - 1.0
}

/// The finalizer of SplitMix64: every bit of the input reaches every bit of the result.
fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

/// The same with the period of outer step `outer` a hundred times as long.
pub(crate) fn never_ending(config: LookaheadConfig, outer: u64) -> LookaheadConfig {
    let k = config.sync_period().at(0);
    let long = period(k.get() * 100);
    config.with_sync_period(if outer == 0 { long.into() } else { changing(k, [(outer, long)]) })
}

/// A sync period that is known to be valid.
pub(crate) fn period(steps: u32) -> SyncPeriod {
    SyncPeriod::new(steps).expect("the laws use periods of at least 1")
}

/// A step size that is known to be valid.
pub(crate) fn alpha(value: f64) -> Alpha {
    Alpha::new(value).expect("the laws use step sizes in (0, 1]")
}

/// A schedule whose changes are known to be in order.
pub(crate) fn changing<T: Copy, const N: usize>(first: T, changes: [(u64, T); N]) -> Schedule<T> {
    Schedule::steps(first, changes).expect("the laws' schedules are in order")
}

/// An outer momentum that is known to be valid.
pub(crate) fn momentum(value: f64) -> OuterMomentum {
    OuterMomentum::new(value).expect("the laws use momenta in [0, 1)")
}
