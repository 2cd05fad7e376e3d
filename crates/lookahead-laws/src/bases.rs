//! The inner optimizers that the battery is run for: one function each, named like the module of its tests.

use lookahead::{Averaging, EmaNesterovConfig, Gpa, InnerStatePolicy, LookaheadConfig, ScheduleFree};

use crate::case::{alpha, changing, period};
use crate::{Rule, Setup};

/// Plain SGD.
#[must_use]
pub fn sgd() -> Setup {
    Setup::bare(Rule::Sgd)
}

/// SGD with momentum.
#[must_use]
pub fn heavy_ball() -> Setup {
    Setup::bare(Rule::HeavyBall)
}

/// SGD with Nesterov's momentum.
#[must_use]
pub fn nesterov() -> Setup {
    Setup::bare(Rule::Nesterov)
}

/// Adam.
#[must_use]
pub fn adam() -> Setup {
    Setup::bare(Rule::Adam)
}

/// AdamW.
#[must_use]
pub fn adam_w() -> Setup {
    Setup::bare(Rule::AdamW)
}

/// AdaFactor.
#[must_use]
pub fn ada_factor() -> Setup {
    Setup::bare(Rule::AdaFactor)
}

/// Lookahead(SGD), maintaining.
#[must_use]
pub fn nested_sgd() -> Setup {
    nested(Rule::Sgd, InnerStatePolicy::Maintain)
}

/// Lookahead(SGD with momentum), interpolating.
#[must_use]
pub fn nested_heavy_ball() -> Setup {
    nested(Rule::HeavyBall, InnerStatePolicy::Interpolate)
}

/// Lookahead(Adam), resetting.
#[must_use]
pub fn nested_adam() -> Setup {
    nested(Rule::Adam, InnerStatePolicy::Reset)
}

/// Lookahead(AdaFactor), interpolating.
#[must_use]
pub fn nested_ada_factor() -> Setup {
    nested(Rule::AdaFactor, InnerStatePolicy::Interpolate)
}

/// Lookahead(SGD) with the sync periods 2, 2, 4, 2, 2, …, all of which end where a period of 4 does.
#[must_use]
pub fn nested_scheduled() -> Setup {
    let periods = changing(period(2), [(2, period(4)), (3, period(2))]);
    Setup::bare(Rule::Sgd).inside(LookaheadConfig::new().with_sync_period(periods).with_alpha(alpha(0.6)))
}

/// The running mean of SGD with momentum, from the second step on.
#[must_use]
pub fn averaged() -> Setup {
    Setup::averaged(Rule::HeavyBall, Averaging::Running { start: 1 })
}

/// Lookahead(exponential average of SGD with momentum), interpolating.
#[must_use]
pub fn nested_averaged() -> Setup {
    let averaging = Averaging::exponential(0.5).expect("a decay below 1");
    let Setup { lookaheads, .. } = nested(Rule::HeavyBall, InnerStatePolicy::Interpolate);
    Setup { lookaheads, ..Setup::averaged(Rule::HeavyBall, averaging) }
}

/// Schedule-Free around AdamW. All weights count alike: else a tensor that joins late would remember the learning rates
/// before it.
#[must_use]
pub fn schedule_free() -> Setup {
    let averaging = ScheduleFree::new().with_beta(0.75).and_then(|it| it.with_rate_power(0.0)).expect("in range");
    Setup::near_its_average(Rule::AdamW, averaging)
}

/// Generalized primal averaging around AdamW.
#[must_use]
pub fn gpa() -> Setup {
    Setup::near_its_average(Rule::AdamW, Gpa::new().with_coefficients(0.9, 0.6).expect("in range"))
}

/// EMA-Nesterov around SGD with momentum.
#[must_use]
pub fn ema_nesterov() -> Setup {
    looking_ahead(Rule::HeavyBall)
}

/// EMA-Nesterov around AdamW.
#[must_use]
pub fn ema_nesterov_adam_w() -> Setup {
    looking_ahead(Rule::AdamW)
}

/// From the first step on: else a tensor that joins late would look ahead earlier than one that was always there.
fn looking_ahead(rule: Rule) -> Setup {
    let config = EmaNesterovConfig::new().with_beta(0.6).and_then(|config| config.with_gamma(0.7));
    Setup::looking_ahead(rule, config.expect("in range"))
}

/// Generalized primal averaging around Lookahead(AdamW), maintaining.
#[must_use]
pub fn gpa_around_lookahead() -> Setup {
    gpa().around(two_steps(InnerStatePolicy::Maintain))
}

/// EMA-Nesterov around Lookahead(SGD with momentum), maintaining.
#[must_use]
pub fn ema_nesterov_around_lookahead() -> Setup {
    ema_nesterov().around(two_steps(InnerStatePolicy::Maintain))
}

/// A Lookahead for the laws to put another around.
fn nested(rule: Rule, policy: InnerStatePolicy) -> Setup {
    Setup::bare(rule).inside(two_steps(policy))
}

/// k = 2 and alpha = 0.6.
fn two_steps(policy: InnerStatePolicy) -> LookaheadConfig {
    LookaheadConfig::new().with_sync_period(period(2)).with_alpha(alpha(0.6)).with_inner_state(policy)
}
