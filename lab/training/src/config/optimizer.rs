//! The optimizer of a run: any nesting of Lookahead, its descendants and averages around an inner rule (Algorithm 1,
//! Sec. 5).

mod averaged;
mod ema_nesterov;
mod outer;
mod outermost;
mod primal;
mod rules;

use std::num::NonZeroU32;

use lookahead::{Adaptive, Alpha, CurvaturePower, InnerStatePolicy, SlowStorage, SyncPeriod};
use serde::Serialize;

use lookahead_settings::ConfigError;
use lookahead_settings::{Entry, Read, Table};

pub use averaged::{AverageConfig, AveragedConfig, WarmUp};
pub use ema_nesterov::EmaNesterovTable;
pub use outer::{Member, OuterTable};
pub use primal::{GpaTable, ScheduleFreeTable};
pub use rules::{AdaFactorConfig, AdamConfig, SgdConfig};

/// How many optimizers can be nested.
const DEEPEST: usize = 8;

/// An optimizer and those inside it; the table `[optimizer]`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "name", rename_all = "lowercase")]
pub enum OptimizerConfig {
    /// Lookahead around another optimizer.
    Lookahead(LookaheadTable),
    /// SNOO around another optimizer.
    Snoo(OuterTable),
    /// MuLoCo with one worker.
    MuLoCo(OuterTable),
    /// DiLoCo with one worker.
    DiLoCo(OuterTable),
    /// SlowMo with one worker.
    SlowMo(OuterTable),
    /// Schedule-Free around another optimizer.
    #[serde(rename = "schedule_free")]
    ScheduleFree(ScheduleFreeTable),
    /// Generalized primal averaging around another optimizer.
    Gpa(GpaTable),
    /// EMA-Nesterov around another optimizer.
    #[serde(rename = "ema_nesterov")]
    EmaNesterov(EmaNesterovTable),
    /// An average of another optimizer's weights.
    Averaged(AveragedConfig),
    /// SGD.
    Sgd(SgdConfig),
    /// Adam, its weight decay coupled (0 by default).
    Adam(AdamConfig),
    /// AdamW, its weight decay decoupled (0.01 by default).
    AdamW(AdamConfig),
    /// AdaFactor (Shazeer and Stern 2018), its weight decay decoupled (0 by default).
    AdaFactor(AdaFactorConfig),
}

/// Lookahead's hyperparameters (Algorithm 1).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LookaheadTable {
    /// The synchronization period k, in gradient steps. Default 5. A multiple of that of a Lookahead inside.
    pub sync_period: SyncPeriod,
    /// The slow weights' step size: the key `alpha` (default 0.5) or the table `adaptive`.
    #[serde(flatten)]
    pub step_size: StepSizeConfig,
    /// Another alpha from an epoch on: the table `then`. None by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub then: Option<ThenConfig>,
    /// What becomes of the inner optimizer's state at a sync (App. C.5). Default `maintain`.
    pub inner_state: InnerStatePolicy,
    /// How the slow weights are stored. Default `full`.
    #[serde(skip_serializing_if = "SlowWeightsConfig::is_full")]
    pub slow_weights: SlowWeightsConfig,
    /// The inner optimizer.
    pub inner: Box<OptimizerConfig>,
}

/// How the slow weights are stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SlowWeightsConfig {
    /// In the precision of the fast weights.
    #[default]
    Full,
    /// As bf16 numbers, rounded stochastically: 2 bytes a weight.
    Bf16,
}

impl SlowWeightsConfig {
    fn is_full(&self) -> bool {
        *self == Self::Full
    }

    /// What the optimizer is told; the rounding is the same in every run.
    #[must_use]
    pub fn storage(self) -> SlowStorage {
        match self {
            Self::Full => SlowStorage::Full,
            Self::Bf16 => SlowStorage::Bf16 { seed: 0 },
        }
    }
}

/// The slow weights' step size.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum StepSizeConfig {
    /// A fixed alpha.
    Alpha(Alpha),
    /// The estimate of Prop. 1, clipped to at least `low` (default 0.5), with the curvature `second_moment` (default) or
    /// its `root`.
    Adaptive(AdaptiveConfig),
}

/// How an adaptive alpha is estimated; the table `adaptive`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct AdaptiveConfig {
    /// The smallest alpha and the curvature.
    #[serde(flatten)]
    pub estimate: Adaptive,
    /// Whose gradient enters. Default `last`.
    pub gradient: AdaptiveGradient,
}

/// The gradient in an adaptive alpha.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AdaptiveGradient {
    /// The last one, at theta_{k-1}: an approximation that costs nothing.
    Last,
    /// One at theta_k, on the batch of the k-th step, as the paper has it: a forward and a backward pass a sync, which
    /// batch norm does not count. Only of a Lookahead that nothing is around.
    Fresh,
}

/// A fixed alpha that follows another; the table `then`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ThenConfig {
    /// The epoch, counted from 1: the first cycle that begins in it or after it is the first with this alpha. At least 2.
    pub epoch: NonZeroU32,
    /// The alpha; with 1 and the policy `maintain` it is the inner optimizer alone that goes on.
    pub alpha: Alpha,
}

impl ThenConfig {
    fn read(table: &Table<'_>) -> Read<Option<Self>> {
        let Some(entry) = table.get("then") else { return Ok(None) };
        if let Some(adaptive) = table.get("adaptive") {
            let (key, other) = (entry.path().to_owned(), adaptive.path().to_owned());
            return Err(ConfigError::Conflict { place: entry.place(), key, other });
        }
        let then = table.table("then")?;
        then.accept(&["epoch", "alpha"])?;
        Ok(Some(Self {
            epoch: then.required("epoch", |e| e.count_from(2))?,
            alpha: then.required("alpha", |e| e.hyperparameter(Alpha::new))?,
        }))
    }
}

impl StepSizeConfig {
    /// Whether it takes a gradient at theta_k.
    fn is_fresh(&self) -> bool {
        matches!(self, Self::Adaptive(adaptive) if adaptive.gradient == AdaptiveGradient::Fresh)
    }

    fn read(table: &Table<'_>) -> Read<Self> {
        let Some(adaptive) = table.get("adaptive") else {
            return table.or("alpha", Alpha::default(), |e| e.hyperparameter(Alpha::new)).map(Self::Alpha);
        };
        if let Some(alpha) = table.get("alpha") {
            let (key, other) = (alpha.path().to_owned(), adaptive.path().to_owned());
            return Err(ConfigError::Conflict { place: alpha.place(), key, other });
        }
        let adaptive = table.table("adaptive")?;
        adaptive.accept(&["low", "curvature", "gradient"])?;
        let default = Adaptive::default();
        let powers = [("second_moment", CurvaturePower::SecondMoment), ("root", CurvaturePower::Root)];
        let gradients = [("last", AdaptiveGradient::Last), ("fresh", AdaptiveGradient::Fresh)];
        Ok(Self::Adaptive(AdaptiveConfig {
            estimate: default
                .with_low(adaptive.or("low", default.low(), |e| e.hyperparameter(Alpha::new))?)
                .with_curvature(adaptive.or("curvature", default.curvature(), |e| e.one_of(&powers))?),
            gradient: adaptive.or("gradient", AdaptiveGradient::Last, |e| e.one_of(&gradients))?,
        }))
    }
}

impl LookaheadTable {
    fn read(table: &Table<'_>, depth: usize) -> Read<Self> {
        table.accept(&["name", "sync_period", "alpha", "adaptive", "then", "inner_state", "slow_weights", "inner"])?;
        let storages = [("full", SlowWeightsConfig::Full), ("bf16", SlowWeightsConfig::Bf16)];
        let step_size = StepSizeConfig::read(table)?;
        if depth > 1 && step_size.is_fresh() {
            let accepted = "\"last\": only the outermost optimizer can take a gradient of its own".to_owned();
            return Err(table.table("adaptive")?.refuse("gradient", "\"fresh\"", accepted));
        }
        let config = Self {
            sync_period: table.or("sync_period", SyncPeriod::default(), sync_period)?,
            step_size,
            then: ThenConfig::read(table)?,
            inner_state: policy(table)?,
            slow_weights: table.or("slow_weights", SlowWeightsConfig::Full, |e| e.one_of(&storages))?,
            inner: OptimizerConfig::read_inner(table, depth)?,
        };
        if let (StepSizeConfig::Adaptive(_), SlowWeightsConfig::Bf16) = (&config.step_size, config.slow_weights) {
            let accepted = "\"full\" where alpha is adaptive: the estimate would be that of the rounding".to_owned();
            return Err(table.refuse("slow_weights", "bf16", accepted));
        }
        if let Some(first) = config.inner.first_sync() {
            return Err(outer::refuse_first_sync(table, first)?);
        }
        match config.inner.sync_period() {
            Some(inner) if !config.sync_period.get().is_multiple_of(inner.get()) => {
                let accepted = format!("a multiple of {}, the cycle of what is inside", inner.get());
                Err(table.refuse("sync_period", config.sync_period.get(), accepted))
            }
            _ => Ok(config),
        }
    }
}

fn policy(table: &Table<'_>) -> Read<InnerStatePolicy> {
    let policies = [
        ("maintain", InnerStatePolicy::Maintain),
        ("interpolate", InnerStatePolicy::Interpolate),
        ("reset", InnerStatePolicy::Reset),
    ];
    table.or("inner_state", InnerStatePolicy::default(), |e| e.one_of(&policies))
}

fn sync_period(entry: &Entry<'_>) -> Read<SyncPeriod> {
    SyncPeriod::new(entry.count()?.get()).map_err(|_| entry.refuse("a whole number, at least 1"))
}

impl OptimizerConfig {
    /// A short name for tables and plots, such as `Lookahead(SGD)`, `SNOO(AdamW)`, `Polyak(AdamW)`, `EMA(Adam)` or `NT-ASGD(SGD)`.
    #[must_use]
    pub fn label(&self) -> String {
        match self {
            Self::Sgd(_) => "SGD".to_owned(),
            Self::Adam(_) => "Adam".to_owned(),
            Self::AdamW(_) => "AdamW".to_owned(),
            Self::AdaFactor(_) => "AdaFactor".to_owned(),
            Self::Lookahead(lookahead) => format!("Lookahead({})", lookahead.inner.label()),
            Self::Snoo(outer) | Self::MuLoCo(outer) | Self::DiLoCo(outer) | Self::SlowMo(outer) => {
                format!("{}({})", outer.member.label(), outer.inner.label())
            }
            Self::ScheduleFree(averaged) => format!("Schedule-Free({})", averaged.inner.label()),
            Self::Gpa(averaged) => format!("GPA({})", averaged.inner.label()),
            Self::EmaNesterov(ahead) => format!("EMA-Nesterov({})", ahead.inner.label()),
            Self::Averaged(averaged) => {
                let average = match averaged.average {
                    AverageConfig::Running { .. } => "Polyak",
                    AverageConfig::Exponential { .. } => "EMA",
                    AverageConfig::NonMonotonic { .. } => "NT-ASGD",
                };
                format!("{average}({})", averaged.inner.label())
            }
        }
    }

    /// Whether the outermost Lookahead's alpha needs a gradient at theta_k.
    #[must_use]
    pub fn asks_for_gradient(&self) -> bool {
        let Self::Lookahead(lookahead) = self else { return false };
        lookahead.step_size.is_fresh()
    }

    /// The same without the other alpha that the outermost Lookahead may take from an epoch on: what it is until then.
    #[must_use]
    pub fn until_then(&self) -> Self {
        match self {
            Self::Lookahead(lookahead) => Self::Lookahead(LookaheadTable { then: None, ..lookahead.clone() }),
            other => other.clone(),
        }
    }

    /// The synchronization period of the outermost Lookahead, or descendant of it, if there is one.
    #[must_use]
    pub fn sync_period(&self) -> Option<SyncPeriod> {
        match self {
            Self::Lookahead(lookahead) => Some(lookahead.sync_period),
            Self::Snoo(outer) | Self::MuLoCo(outer) | Self::DiLoCo(outer) | Self::SlowMo(outer) => Some(outer.k),
            Self::Averaged(AveragedConfig { inner, .. })
            | Self::ScheduleFree(ScheduleFreeTable { inner, .. })
            | Self::Gpa(GpaTable { inner, .. })
            | Self::EmaNesterov(EmaNesterovTable { inner, .. }) => inner.sync_period(),
            Self::Sgd(_) | Self::Adam(_) | Self::AdamW(_) | Self::AdaFactor(_) => None,
        }
    }

    /// The length of the first cycle of the outermost descendant, where it is another than that of the others.
    pub(super) fn first_sync(&self) -> Option<SyncPeriod> {
        match self {
            Self::Snoo(outer) | Self::MuLoCo(outer) | Self::DiLoCo(outer) | Self::SlowMo(outer) => outer.first_sync,
            Self::Averaged(AveragedConfig { inner, .. })
            | Self::ScheduleFree(ScheduleFreeTable { inner, .. })
            | Self::Gpa(GpaTable { inner, .. })
            | Self::EmaNesterov(EmaNesterovTable { inner, .. }) => inner.first_sync(),
            _ => None,
        }
    }

    /// Reads the optimizer number `depth` from the outside, counted from 1.
    pub(super) fn read(table: &Table<'_>, depth: usize) -> Read<Self> {
        type ReadAt = fn(&Table<'_>, usize) -> Read<OptimizerConfig>;
        const NAMES: [(&str, ReadAt); 13] = [
            ("lookahead", |table, depth| LookaheadTable::read(table, depth).map(OptimizerConfig::Lookahead)),
            ("snoo", |table, depth| OuterTable::read(table, Member::Snoo, depth).map(OptimizerConfig::Snoo)),
            ("muloco", |table, depth| OuterTable::read(table, Member::MuLoCo, depth).map(OptimizerConfig::MuLoCo)),
            ("diloco", |table, depth| OuterTable::read(table, Member::DiLoCo, depth).map(OptimizerConfig::DiLoCo)),
            ("slowmo", |table, depth| OuterTable::read(table, Member::SlowMo, depth).map(OptimizerConfig::SlowMo)),
            ("schedule_free", |table, depth| ScheduleFreeTable::read(table, depth).map(OptimizerConfig::ScheduleFree)),
            ("gpa", |table, depth| GpaTable::read(table, depth).map(OptimizerConfig::Gpa)),
            ("ema_nesterov", |table, depth| EmaNesterovTable::read(table, depth).map(OptimizerConfig::EmaNesterov)),
            ("averaged", |table, depth| AveragedConfig::read(table, depth).map(OptimizerConfig::Averaged)),
            ("sgd", |table, _| SgdConfig::read(table).map(OptimizerConfig::Sgd)),
            ("adam", |table, _| AdamConfig::read(table, AdamConfig::ADAM).map(OptimizerConfig::Adam)),
            ("adamw", |table, _| AdamConfig::read(table, AdamConfig::ADAMW).map(OptimizerConfig::AdamW)),
            ("adafactor", |table, _| AdaFactorConfig::read(table).map(OptimizerConfig::AdaFactor)),
        ];
        if depth > DEEPEST {
            return Err(ConfigError::TooDeep { place: table.place(), key: table.path().to_owned(), limit: DEEPEST });
        }
        table.required("name", |e| e.one_of(&NAMES))?(table, depth)
    }

    fn read_inner(table: &Table<'_>, depth: usize) -> Read<Box<Self>> {
        Self::read(&table.table("inner")?, depth + 1).map(Box::new)
    }
}
