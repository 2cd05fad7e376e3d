//! What the runs of each source are in the terms of this project.

use lookahead::rules::{AdamW, Sgd};
use lookahead::{
    Alpha, Averaging, BufferUnit, EmaNesterovConfig, Error, Gpa, InnerStatePolicy, LookaheadConfig, OuterMomentum,
    OuterRate, OuterStep, PowerWarmUp, PrimalAveraging, PublishedDecay, Schedule, ScheduleFree, SyncPeriod, family,
};

use super::{Inner, Run, sgdm};

/// The rule of a run.
#[derive(Debug, Clone, Copy)]
pub enum InnerRule {
    /// SGD.
    Sgd(Sgd),
    /// AdamW.
    AdamW(AdamW),
}

impl Inner {
    /// The rule, with PyTorch's defaults.
    ///
    /// # Errors
    /// None: its numbers are in range.
    pub fn rule(self) -> Result<InnerRule, Error> {
        Ok(match self {
            Self::Sgd => InnerRule::Sgd(Sgd::new()),
            Self::Sgdm => InnerRule::Sgd(sgdm()?),
            Self::AdamW => InnerRule::AdamW(AdamW::new()),
        })
    }
}

/// The Lookahead that a run of one worker stands for.
///
/// # Errors
/// None: the sources' numbers are in range.
///
/// # Panics
/// For a source that is not one of Lookahead or an outer step.
pub fn lookahead(stem: &str, run: &Run) -> Result<LookaheadConfig, Error> {
    let every = LookaheadConfig::new().with_sync_period(SyncPeriod::new(run.k)?);
    let policy = match run.word("pullback_momentum") {
        // "reset" touches a momentum alone in the authors' code: its other runs are without
        Some("reset") => InnerStatePolicy::Reset,
        Some("pullback") => InnerStatePolicy::Interpolate,
        _ if run.flag("reset_state") => InnerStatePolicy::Reset,
        _ => InnerStatePolicy::Maintain,
    };
    Ok(match stem {
        "lookahead_official" | "lookahead_pytorch_optimizer" | "lookahead_optax" => {
            let alpha = run.number("alpha").or_else(|| run.number("slow_step_size")).expect("an alpha");
            every.with_alpha(Alpha::new(alpha)?).with_inner_state(policy)
        }
        "snoo_pr128" => {
            // the first cycle has one step there
            let periods = Schedule::syncs_from(SyncPeriod::new(1)?, SyncPeriod::new(run.k)?);
            LookaheadConfig::new().with_sync_period(periods).with_outer_step(outer_step(stem, run)?)
        }
        "slowmo_torchdistx" => {
            // its first outer step follows step 1 + k, with a way of as many steps
            let periods = Schedule::syncs_from(SyncPeriod::new(1 + run.k)?, SyncPeriod::new(run.k)?);
            LookaheadConfig::new().with_sync_period(periods).with_outer_step(outer_step(stem, run)?)
        }
        _ => every.with_outer_step(outer_step(stem, run)?),
    })
}

/// The outer step of a run.
///
/// # Errors
/// None: the sources' numbers are in range.
///
/// # Panics
/// For a source without one.
pub fn outer_step(stem: &str, run: &Run) -> Result<OuterStep, Error> {
    if stem == "two_workers_local_sgd" {
        return Ok(OuterStep::nesterov(OuterRate::new(1.0)?, OuterMomentum::ZERO));
    }
    // SlowMo calls eta alpha
    let eta = run.number("eta").or_else(|| run.number("alpha")).expect("an outer learning rate");
    let (eta, mu) = (OuterRate::new(eta)?, OuterMomentum::new(run.number("mu").expect("an outer momentum"))?);
    Ok(match stem {
        "snoo_paper"
        | "snoo_pr128"
        | "diloco_torchft"
        | "diloco_torchft_discarded"
        | "streaming_diloco_torchft"
        | "two_workers_diloco" => OuterStep::nesterov(eta, mu),
        "muloco1" => OuterStep::nesterov(eta, mu).with_buffer_unit(BufferUnit::OuterStep),
        "slowmo_fairscale" | "slowmo_fairscale_late" | "slowmo_torchdistx" | "two_workers_slowmo" => {
            OuterStep::heavy_ball(eta, mu).with_buffer_unit(BufferUnit::DeltaOverLearningRate)
        }
        other => panic!("{other} has no outer step"),
    })
}

/// The rule and the average that it trains near, of a run of Schedule-Free or GPA.
///
/// # Errors
/// None: the sources' numbers are in range.
///
/// # Panics
/// For a source of something else.
pub fn primal(stem: &str, run: &Run) -> Result<(InnerRule, PrimalAveraging), Error> {
    let number = |name| run.number(name).unwrap_or_default();
    if stem == "gpa_adamw" {
        // its code's runs: where the weight decay is not 0 they are not the paper's
        let gpa = Gpa::new().with_coefficients(number("mu_x"), number("mu_y"))?;
        let decay = if run.flag("use_wd_on_y") { PublishedDecay::OnY } else { PublishedDecay::OnZ };
        let gpa = gpa.with_published_decay(decay(number("weight_decay")))?;
        return Ok((InnerRule::AdamW(AdamW::new().with_weight_decay(0.0)?), gpa.into()));
    }
    let beta = run.number("beta").or_else(|| run.number("momentum")).expect("a beta");
    let decay = number("weight_decay").max(number("weight_decay_at_y"));
    let averaging = ScheduleFree::new().with_beta(beta)?.with_power(number("r"))?.with_weight_decay(decay)?;
    let averaging = averaging.with_rate_power(number("weight_lr_power"))?.with_warm_up(number("warmup_steps") as u64);
    Ok(match stem {
        "schedulefree_sgd" => (InnerRule::Sgd(Sgd::new()), averaging.into()),
        "schedulefree_wrapper" => (run.inner.rule()?, averaging.into()),
        // as in the package: not the paper's algorithm
        "schedulefree_adamw" => {
            (InnerRule::AdamW(*family::schedule_free_adam_w_as_packaged(0.0)?.inner()), averaging.into())
        }
        "schedulefree_adamw_paper" => {
            let rule = *family::schedule_free_adam_w(0.0)?.inner();
            (InnerRule::AdamW(rule), averaging.with_corrected_rate(0.999)?.into())
        }
        other => panic!("{other} is no average that trains"),
    })
}

/// The rule of a run of EMA-Nesterov, and how it looks ahead.
///
/// # Errors
/// None: the source's numbers are in range.
pub fn ema_nesterov(_stem: &str, run: &Run) -> Result<(InnerRule, EmaNesterovConfig), Error> {
    let number = |name| run.number(name).expect("a number");
    let config = EmaNesterovConfig::new().with_beta(number("beta"))?.with_gamma(number("gamma"))?;
    let config = config.with_prefill(number("prefill_steps") as u64)?.with_rest(number("rest_steps") as u64)?;
    let follows_rate = run.word("lr_schedule").is_some();
    Ok((run.inner.rule()?, if follows_rate { config.with_reference_rate(run.lr(0))? } else { config }))
}

/// The rule and the average of its weights, of a run of exponential or running averages.
///
/// # Errors
/// None: the sources' numbers are in range.
///
/// # Panics
/// For a source of something else.
pub fn average(stem: &str, run: &Run) -> Result<(InnerRule, Averaging), Error> {
    let decay = || run.number("decay").expect("a decay");
    let waits = run.number("update_after_step").unwrap_or_default() as u64;
    let averaging = match (stem, run.word("avg")) {
        ("ema_torch_swa_utils", Some("swa (default)")) => Averaging::Running { start: 0 },
        ("ema_torch_swa_utils", Some(label)) => {
            let decay = label.strip_prefix("ema ").and_then(|decay| decay.parse().ok());
            Averaging::exponential(decay.unwrap_or_else(|| panic!("{label} is no average")))?
        }
        ("ema_timm", _) if run.flag("use_warmup") => {
            let warm_up = PowerWarmUp::new()
                .with_gamma(run.number("warmup_gamma").unwrap_or(1.0))?
                .with_power(run.number("warmup_power").unwrap_or(2.0 / 3.0))?
                .with_min_decay(run.number("min_decay").unwrap_or_default())?
                .with_update_after_step(waits);
            Averaging::exponential_with_power_warm_up(decay(), warm_up)?
        }
        // With a least decay as large as the decay nothing rises.
        ("ema_timm", _) if waits > 0 => {
            let constant = PowerWarmUp::new().with_min_decay(decay())?.with_update_after_step(waits);
            Averaging::exponential_with_power_warm_up(decay(), constant)?
        }
        ("ema_timm", _) if run.flag("step_passed_to_update") => Averaging::exponential(decay())?,
        ("ema_timm", _) => Averaging::exponential(decay())?.with_initial_weights(),
        ("ema_tensorflow", _) => Averaging::exponential_with_warm_up(decay())?.with_initial_weights(),
        (other, _) => panic!("{other} is no average"),
    };
    Ok((run.inner.rule()?, averaging))
}
