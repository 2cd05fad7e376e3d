//! Lookahead's descendants as its hyperparameters, around any inner optimizer, with the numbers of their sources.

use crate::rules::AdamW;
use crate::{
    Alpha, BufferUnit, EmaNesterovConfig, Error, LookaheadConfig, OuterMomentum, OuterRate, OuterStep, PrimalAveraged,
    Schedule, ScheduleFree, SyncPeriod,
};

const SNOO: Numbers = Numbers::new(0.68, 0.37, 28);
const MULOCO: Numbers = Numbers::new(0.7, 0.6, 30);
const DILOCO: Numbers = Numbers::new(0.7, 0.9, 500);
const SLOWMO: Numbers = Numbers::new(1.0, 0.5, 48);

/// SNOO: Nesterov momentum over the cycles of any optimizer ([2510.15830](https://arxiv.org/abs/2510.15830)).
///
/// `b <- mu b + delta`, `phi <- phi - eta (delta + mu b)`; eta = 0.68, mu = 0.37, k = 28: the values of its record on
/// the medium track of modded-nanogpt.
///
/// It syncs after steps k, 2 k, … as the paper says. That record's class syncs after steps 1, 1 + k, …, the first time
/// with a way of one step: [`snoo_of_the_speedrun`]. It also validated on the fast weights, in mid-cycle. At k = 1 these
/// numbers diverge around SGD with momentum 0.9, maintained, at a learning rate times curvature above 0.72.
#[must_use]
pub fn snoo() -> LookaheadConfig {
    SNOO.config(OuterStep::nesterov(SNOO.rate, SNOO.momentum))
}

/// [`snoo`] with the syncs of the record on modded-nanogpt: after steps 1, 29, 57, ….
#[must_use]
pub fn snoo_of_the_speedrun() -> LookaheadConfig {
    snoo().with_sync_period(Schedule::syncs_from(const { SyncPeriod::known(1) }, SNOO.k))
}

/// MuLoCo with one worker: SNOO's step with its buffer in outer steps; eta = 0.7, mu = 0.6, k = 30, made for Muon
/// inside.
///
/// `u <- mu u + eta delta`, `phi <- phi - (mu u + eta delta)`. With a constant eta it is [`snoo`] with those numbers, u
/// being eta b; it differs once eta changes over time ([`BufferUnit::OuterStep`]). Around SGD with momentum 0.9,
/// maintained, it diverges at k = 1 and 2 on some quadratics, from a learning rate times curvature of 0.1 and 0.07 on; at
/// larger k above 1.5 alone.
#[must_use]
pub fn muloco() -> LookaheadConfig {
    let step = OuterStep::nesterov(MULOCO.rate, MULOCO.momentum);
    MULOCO.config(step.with_buffer_unit(BufferUnit::OuterStep))
}

/// DiLoCo: Nesterov momentum over the mean way of many workers ([2311.08105](https://arxiv.org/abs/2311.08105)); eta =
/// 0.7, mu = 0.9, k = 500, AdamW inside.
///
/// `b <- mu b + delta`, `phi <- phi - eta (delta + mu b)`, delta being the mean over the workers. With one worker it is
/// [`snoo`] with those numbers; at k = 500 and mu = 0.9 a run of a few thousand steps is hardly more than its start. At a
/// small k it can diverge: around SGD with momentum 0.9, maintained, it does on some quadratics for each k of 1 to 6, in
/// bands of the learning rate times curvature that begin at 0.004 to 0.011; at larger k above 1.5 alone (see [`OuterStep`]).
/// Each worker keeps its own inner state.
#[must_use]
pub fn diloco() -> LookaheadConfig {
    DILOCO.config(OuterStep::nesterov(DILOCO.rate, DILOCO.momentum))
}

/// SlowMo: the heavy ball over the mean way of many workers ([1910.00643](https://arxiv.org/abs/1910.00643)); alpha =
/// 1, mu = 0.5, k = 48 (fairscale's defaults).
///
/// `u <- mu u + delta / gamma`, `phi <- phi - alpha gamma u`, gamma being the learning rate of the step before the
/// sync: so the buffer shrinks with a learning rate that falls ([`BufferUnit::DeltaOverLearningRate`]). With alpha = 1
/// and mu = 0 it is [`local_sgd`], with one worker and mu = 0 Lookahead.
///
/// Here phi begins at theta_0. fairscale makes it after the first step unless told otherwise, so that its first way is
/// one step short; torchdistx takes no outer step before step 1 + k. The inner state is maintained: around SGD with
/// momentum 0.9 it then diverges on some quadratics for each k of 1 to 8, in bands of the learning rate times curvature
/// that begin at 0.02 to 0.06 up to k = 6, and at 0.77 and more after that; at larger k above 1.5 alone.
#[must_use]
pub fn slowmo() -> LookaheadConfig {
    let step = OuterStep::heavy_ball(SLOWMO.rate, SLOWMO.momentum);
    SLOWMO.config(step.with_buffer_unit(BufferUnit::DeltaOverLearningRate))
}

/// Local SGD: `phi <- theta`, the mean over the workers: eta = 1 and mu = 0. With one worker it is the inner optimizer.
///
/// PyTorch's periodic averager syncs after steps 1, 1 + k, … unless it warms up for k - 1 steps:
/// [`Schedule::syncs_from`].
#[must_use]
pub fn local_sgd(k: SyncPeriod) -> LookaheadConfig {
    LookaheadConfig::new().with_sync_period(k).with_alpha(Alpha::ONE)
}

/// Schedule-Free AdamW as the paper has it, with weight decay lambda at y: beta = 0.9, beta2 = 0.999, epsilon 1e-8, no
/// first moment. The authors' default learning rate is 0.0025.
///
/// The bias correction of the second moment is part of the learning rate, `gamma sqrt(1 - beta2^t)`, and so of the
/// mean's weights and the decay; epsilon is added to the uncorrected root. [`schedule_free_adam_w_as_packaged`] has it
/// otherwise.
///
/// # Errors
/// [`Error::OutOfRange`] unless lambda is finite and not negative.
pub fn schedule_free_adam_w(weight_decay: f64) -> Result<PrimalAveraged<AdamW>, Error> {
    let averaging = ScheduleFree::new().with_corrected_rate(BETA2)?.with_weight_decay(weight_decay)?;
    let rule = AdamW::new().with_betas(0.0, BETA2)?.with_epsilon_hat(1e-8)?.with_weight_decay(0.0)?;
    Ok(PrimalAveraged::new(rule, averaging))
}

/// Schedule-Free AdamW as `AdamWScheduleFree` of the authors' package has it: the second moment is corrected as AdamW
/// does it, and the learning rate in the mean's weights and in the decay is gamma.
///
/// # Errors
/// [`Error::OutOfRange`] unless lambda is finite and not negative.
pub fn schedule_free_adam_w_as_packaged(weight_decay: f64) -> Result<PrimalAveraged<AdamW>, Error> {
    let averaging = ScheduleFree::new().with_weight_decay(weight_decay)?;
    let rule = AdamW::new().with_betas(0.0, BETA2)?.with_weight_decay(0.0)?;
    Ok(PrimalAveraged::new(rule, averaging))
}

/// EMA-Nesterov ([2605.25395](https://arxiv.org/abs/2605.25395)) as in its record on modded-nanogpt: `p = theta + beta m`,
/// `m <- gamma m + (1 - gamma) (theta' - theta)` with beta = 0.3 times the learning rate over `largest_rate`, gamma = 0.99,
/// looking ahead in steps 301 to 1950 of that run. Around Muon it has beta = 0.6, in steps 501 to 2400.
///
/// ```
/// use lookahead::{EmaNesterov, family, rules::AdamW};
/// let optimizer = EmaNesterov::with_config(AdamW::new(), family::ema_nesterov_of_the_speedrun(0.001)?);
/// # Ok::<(), lookahead::Error>(())
/// ```
///
/// The window belongs to the length of that run. m remembers some 100 steps at gamma = 0.99: a run of a few hundred is
/// hardly more than its start. A learning rate above `largest_rate` looks ahead by more than 0.3.
///
/// # Errors
/// [`Error::OutOfRange`] unless the rate is above 0 and finite.
pub fn ema_nesterov_of_the_speedrun(largest_rate: f64) -> Result<EmaNesterovConfig, Error> {
    EmaNesterovConfig::new().with_prefill(300)?.with_rest(1950)?.with_reference_rate(largest_rate)
}

const BETA2: f64 = 0.999;

/// A source's eta, mu and k.
struct Numbers {
    rate: OuterRate,
    momentum: OuterMomentum,
    k: SyncPeriod,
}

impl Numbers {
    const fn new(rate: f64, momentum: f64, k: u32) -> Self {
        let (rate, momentum) = (OuterRate::known(rate), OuterMomentum::known(momentum));
        Self { rate, momentum, k: SyncPeriod::known(k) }
    }

    fn config(&self, step: OuterStep) -> LookaheadConfig {
        LookaheadConfig::new().with_sync_period(self.k).with_outer_step(step)
    }
}
