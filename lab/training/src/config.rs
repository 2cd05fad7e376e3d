//! The complete description of one training run, read from TOML and written back.

mod device;
mod keep;
mod optimizer;
mod precision;
mod reach;
mod schedule;
mod set;
mod sweep;
mod trace;
mod workers;

use std::num::NonZeroU32;
use std::path::Path;

use lookahead_runs::printable::printable_path;
use serde::Serialize;
use sha2::{Digest, Sha256};

pub use lookahead_data::config::{
    Augmentation, DataConfig, DataKind, DataSource, OnCorrupt, ParallelConfig, SubwordsConfig,
};
pub use lookahead_models::config::{
    AwdLstmConfig, CifarDepth, DecodingConfig, ModelConfig, NetworkConfig, StemConfig, TransformerConfig,
};
pub use lookahead_settings::{ConfigError, Place};

pub use self::device::{DeviceConfig, DeviceKind, UnknownDevice};
pub use self::keep::KeepConfig;
pub use self::optimizer::{
    AdaFactorConfig, AdamConfig, AdaptiveConfig, AdaptiveGradient, AverageConfig, AveragedConfig, EmaNesterovTable,
    GpaTable, LookaheadTable, Member, OptimizerConfig, OuterTable, ScheduleFreeTable, SgdConfig, SlowWeightsConfig,
    StepSizeConfig, ThenConfig, WarmUp,
};
pub use self::precision::Precision;
pub use self::schedule::{DecayConfig, ScheduleConfig};
pub(crate) use self::set::{is_below, key_of};
pub use self::sweep::{Axis, GroupConfig, Override, PanelConfig, ScaleConfig, SweepConfig};
pub use self::trace::TraceConfig;
pub use self::workers::{WireConfig, WorkersConfig, WorkersMode};

use lookahead_runs::FileError;
use lookahead_runs::files::{MOST_OF_A_CONFIGURATION, read};
use lookahead_settings::{Read, Table, decoded, read_document};

/// The text of the configuration file at `path`.
///
/// # Errors
/// [`Error::File`](crate::Error::File) if it cannot be read or has more than 2^24 bytes; [`ConfigError::Syntax`] if it is not
/// UTF-8.
pub fn read_file(path: &Path) -> Result<String, crate::Error> {
    let bytes = read(path, MOST_OF_A_CONFIGURATION).map_err(FileError::read(path))?;
    Ok(decoded(bytes, &printable_path(path))?)
}

/// One run: data, model, optimizer, schedule and everything else that decides its result.
///
/// Read from TOML, every key but the optimizer's names and the learning rate has a default:
///
/// ```
/// use lookahead_training::config::RunConfig;
///
/// let text = r#"
///     epochs = 10                     # default 20
///     clip_norm = 0.25                # the global norm; default: no clipping
///
///     [model]
///     name = "cnn"                    # or "mlp" (the default)
///     channels = [8, 16]
///
///     [optimizer]
///     name = "lookahead"              # or "averaged", "sgd", "adam", "adamw"
///     sync_period = 5
///     alpha = 0.5                     # or a table: adaptive = { low = 0.5 }
///     inner = { name = "sgd", momentum = 0.9 }
///
///     [schedule]
///     learning_rate = 0.1
///     name = "cosine"                 # or "constant" (the default), "step", "plateau"
/// "#;
/// let config = RunConfig::parse(text, "run.toml")?;
/// assert_eq!(config.optimizer.label(), "Lookahead(SGD)");
/// assert_eq!(RunConfig::parse(&config.to_toml(), "config.toml")?, config);
///
/// let typo = text.replace("momentum", "momentun");
/// let error = RunConfig::parse(&typo, "run.toml").unwrap_err().to_string();
/// assert!(error.starts_with("run.toml:13:29: unknown key `optimizer.inner.momentun` (did you mean `momentum`?)"));
/// # Ok::<(), lookahead_settings::ConfigError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunConfig {
    /// What the initial weights and the order of the data are drawn from. Default 0.
    pub seed: u64,
    /// Passes over the training data, at most a million. Default 20.
    pub epochs: NonZeroU32,
    /// Examples a step: images; sequences side by side of a language model; subwords of a translation, the larger side's
    /// with its padding. Default 64, of translations 4096.
    pub batch_size: NonZeroU32,
    /// Epochs from one evaluation to the next. Default 1.
    pub evaluate_every: NonZeroU32,
    /// Steps from one checkpoint to the next. Default 50.
    pub checkpoint_every: NonZeroU32,
    /// Where it runs. Default `cpu`.
    pub device: DeviceConfig,
    /// In which precision the network is. Default `f32`, which is not written down.
    #[serde(skip_serializing_if = "Precision::is_single")]
    pub precision: Precision,
    /// Whether the run stops at a loss or a weight that is not finite, and saves no such weight. Default true.
    pub stop_on_non_finite: bool,
    /// The global norm to which gradients are clipped, finite and above 0. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip_norm: Option<f64>,
    /// Whether batch-norm statistics are estimated anew for the slow weights before each evaluation. Default false.
    pub re_estimate_batch_norm: bool,
    /// Whether the fast weights are evaluated beside the slow ones. Default false.
    pub evaluate_fast: bool,
    /// The part of the run that is evaluated update by update. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace: Option<TraceConfig>,
    /// The weights that its result is of. Default: those at the end.
    #[serde(flatten)]
    pub keep: KeepConfig,
    /// The data. Default: the embedded digits.
    pub data: DataConfig,
    /// The model. Default: of images an MLP with one hidden layer of 64, of text the AWD-LSTM, of translations the
    /// Transformer's base model.
    pub model: ModelConfig,
    /// How translations are searched for; of translations only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decoding: Option<DecodingConfig>,
    /// The optimizer.
    pub optimizer: OptimizerConfig,
    /// The learning rate.
    pub schedule: ScheduleConfig,
    /// The workers that train it together. Default: one alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workers: Option<WorkersConfig>,
}

impl RunConfig {
    /// Reads a configuration; `file` names it in errors.
    ///
    /// # Errors
    /// [`ConfigError`], with the line where one can be told.
    pub fn parse(text: &str, file: &str) -> Result<Self, ConfigError> {
        const SWEEP: &str = "this is a sweep, which `lookahead run` takes";
        let read = |table: &Table<'_>| {
            Self::from_table(table).map_err(|error| error.or_of_another_document(table, &sweep::KEYS, SWEEP))
        };
        read_document(text, file, read)
    }

    /// Reads the configuration file at `path`.
    ///
    /// # Errors
    /// As [`read_file`] and [`RunConfig::parse`].
    pub fn load(path: &Path) -> Result<Self, crate::Error> {
        Ok(Self::parse(&read_file(path)?, &printable_path(path))?)
    }

    /// The configuration as TOML with every default written out: [`RunConfig::parse`] gives back the same.
    #[must_use]
    pub fn to_toml(&self) -> String {
        // Serialising fails only for values that TOML lacks (maps with other keys than strings, unit, bytes): none here.
        toml::to_string(self).expect("a configuration consists of TOML's own types")
    }

    /// The name of the run: the first 16 hexadecimal digits of the SHA-256 of [`RunConfig::to_toml`].
    ///
    /// It depends on what is configured, not on how the user's file spells it, nor on where the data lies and the run
    /// computes.
    #[must_use]
    pub fn id(&self) -> String {
        let digest = Sha256::digest(self.without_places().to_toml());
        digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }

    /// The configuration without what differs from machine to machine: where the data is looked for, and the device. A run
    /// goes on on another device; `environment.json` names each.
    #[must_use]
    pub fn without_places(&self) -> Self {
        Self { device: DeviceConfig::CPU, ..self.without_folder() }
    }

    /// The configuration without where the data is looked for: what a run's folder keeps.
    #[must_use]
    pub fn without_folder(&self) -> Self {
        let mut config = self.clone();
        config.data.dir = None;
        config
    }

    /// Reads a configuration from its parsed document.
    ///
    /// # Errors
    /// As [`RunConfig::parse`].
    pub fn from_table(table: &Table<'_>) -> Read<Self> {
        Self::read(table, None)
    }

    /// Reads a table; without its optimizer where there is one to stand for it.
    fn read(table: &Table<'_>, optimizer: Option<OptimizerConfig>) -> Read<Self> {
        const fn count(default: u32) -> NonZeroU32 {
            NonZeroU32::new(default).unwrap()
        }
        const DEFAULTS: [NonZeroU32; 4] = [count(20), count(64), count(1), count(50)];
        let [epochs, batch_size, evaluate_every, checkpoint_every] = DEFAULTS;
        table.accept(&KEYS)?;
        let norm = |x: f64| x > 0.0 && x.is_finite();
        let data = DataConfig::read(&table.table("data")?)?;
        let kind = data.source.kind();
        let batch_size = if kind == DataKind::Pairs { count(4096) } else { batch_size };
        if let Some(trace) = table.get("trace").filter(|_| kind != DataKind::Images) {
            return Err(trace.refuse("left out: only runs on images are traced"));
        }
        if let Some(decoding) = table.get("decoding").filter(|_| kind != DataKind::Pairs) {
            return Err(decoding.refuse("left out: only translations are searched for"));
        }
        let decoding =
            (kind == DataKind::Pairs).then(|| DecodingConfig::read(&table.table("decoding")?)).transpose()?;
        let optimizer = optimizer.map_or_else(|| OptimizerConfig::read(&table.table("optimizer")?, 1), Ok)?;
        if let Some(trace) = table.get("trace").filter(|_| optimizer.first_sync().is_some()) {
            return Err(trace.refuse("left out beside first_sync, whose cycles do not begin at multiples of k"));
        }
        let workers =
            table.get("workers").map(|_| WorkersConfig::read(&table.table("workers")?, table, &data, &optimizer));
        let workers = workers.transpose()?;
        Ok(Self {
            seed: table.or("seed", 0, |e| e.whole(0..=u64::MAX))?,
            epochs: table.or("epochs", epochs, |e| e.count_to(MOST_EPOCHS))?,
            batch_size: table.or("batch_size", batch_size, |e| e.count())?,
            evaluate_every: table.or("evaluate_every", evaluate_every, |e| e.count())?,
            checkpoint_every: table.or("checkpoint_every", checkpoint_every, |e| e.count())?,
            device: table.or("device", DeviceConfig::CPU, DeviceConfig::read)?,
            precision: Precision::read(table, &optimizer)?,
            stop_on_non_finite: table.or("stop_on_non_finite", true, |e| e.flag())?,
            clip_norm: table.optional("clip_norm", |e| e.number("above 0 and finite", norm))?,
            re_estimate_batch_norm: table.or("re_estimate_batch_norm", false, |e| e.flag())?,
            evaluate_fast: table.or("evaluate_fast", false, |e| e.flag())?,
            trace: table.get("trace").map(|_| TraceConfig::read(&table.table("trace")?)).transpose()?,
            keep: KeepConfig::read(table)?,
            data,
            model: ModelConfig::read(&table.table("model")?, kind)?,
            decoding,
            optimizer,
            schedule: ScheduleConfig::read(&table.table("schedule")?)?,
            workers,
        })
    }
}

/// The keys of a run.
const KEYS: [&str; 20] = [
    "seed",
    "epochs",
    "batch_size",
    "evaluate_every",
    "checkpoint_every",
    "device",
    "precision",
    "stop_on_non_finite",
    "clip_norm",
    "re_estimate_batch_norm",
    "evaluate_fast",
    "trace",
    "keep_best",
    "average_epochs",
    "data",
    "model",
    "decoding",
    "optimizer",
    "schedule",
    "workers",
];

/// The most epochs of a run.
const MOST_EPOCHS: u32 = 1_000_000;
