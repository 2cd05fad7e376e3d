//! The reader of a run folder: `config.toml`, `environment.json`, `metrics.jsonl`, `trace.jsonl`, `result.json`.
//!
//! A run may be going on, or killed, at any moment: what its last checkpoint names counts, whatever comes after it does
//! not. Anything that is damaged, missing or malformed is an error with its file.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::files::{Manifest, read_if_there, read_sealed, read_sealed_if_there};
use crate::record::RunRecord;
use crate::{FileError, MetricsRow, RunResult, TraceRow, metrics, trace};

/// All that is known of one run.
#[derive(Clone, Debug)]
pub struct Run {
    /// The run id: the folder's name, and what the folder says of itself.
    pub id: String,
    /// The text of `config.toml`; `None` before the run started.
    pub config: Option<String>,
    /// `environment.json`: revision, device, threads, versions, command.
    pub environment: BTreeMap<String, Value>,
    /// The evaluations so far, steps ascending.
    pub rows: Vec<MetricsRow>,
    /// `trace.jsonl`: the weights after each of some updates; empty where none are traced.
    pub trace: Vec<TraceRow>,
    /// `result.json`, once there is one.
    pub result: Option<RunResult>,
    /// The files of its folder that count, with their checksums; none before it has begun.
    pub files: Manifest,
}

impl Run {
    /// Reads the run folder `runs/ID`; files that are not there yet are left empty.
    ///
    /// # Errors
    /// A file cannot be read, is damaged or malformed, holds a number out of range, or is missing though the run wrote it.
    pub fn read(folder: &Path) -> Result<Self, FileError> {
        match Self::read_to_continue(folder)? {
            (_, true) => Err(FileError::LostResult { folder: folder.to_owned() }),
            (run, false) => Ok(run),
        }
    }

    /// [`read`](Self::read), with whether the result was lost, which going on makes again.
    pub fn read_to_continue(folder: &Path) -> Result<(Self, bool), FileError> {
        let environment = folder.join("environment.json");
        let Some(RunRecord { run, result, is_lost, files }) = RunRecord::read(folder)? else {
            let id = folder.file_name().unwrap_or(folder.as_os_str()).to_string_lossy().into_owned();
            let config = read_if_there(&folder.join("config.toml"))?.map(text);
            let environment = read_sealed_if_there(&environment)?.unwrap_or_default();
            return Ok((
                Self { id, config, environment, rows: vec![], trace: vec![], result: None, files: Manifest::default() },
                false,
            ));
        };
        let config = files.read(folder, "config.toml")?.map(text);
        let rows = metrics::read_rows(&folder.join(METRICS), &files.read(folder, METRICS)?.unwrap_or_default())?;
        let trace = trace::read_rows(&folder.join(TRACE), &files.read(folder, TRACE)?.unwrap_or_default())?;
        Ok((Self { id: run, config, environment: read_sealed(&environment)?, rows, trace, result, files }, is_lost))
    }

    /// A run that has not begun.
    pub fn not_begun(id: String) -> Self {
        let (environment, files) = (BTreeMap::new(), Manifest::default());
        Self { id, config: None, environment, rows: Vec::new(), trace: Vec::new(), result: None, files }
    }

    /// The epochs it is to train: those of its configuration, or as many as it has.
    pub fn planned_epochs(&self) -> Option<u32> {
        let planned = self.configured(|config| u32::try_from(whole(config.get("epochs")?)?).ok());
        planned.or_else(|| self.rows.last().map(|row| row.epoch))
    }

    /// The name of the model that its configuration trains.
    pub fn model(&self) -> Option<String> {
        self.configured(|config| Some(config.get("model")?.get_ref().get("name")?.get_ref().as_str()?.to_owned()))
    }

    /// The seed its configuration names.
    pub fn seed(&self) -> Option<u64> {
        self.configured(|config| whole(config.get("seed")?))
    }

    /// The learning rate its configuration names, from which its schedule departs.
    pub fn learning_rate(&self) -> Option<f64> {
        self.configured(|config| number(config.get("schedule")?.get_ref().get("learning_rate")?))
    }

    /// How many classes its data have, where the configuration tells: of folders of pictures only the folders do.
    pub fn classes(&self) -> Option<u64> {
        self.configured(|config| {
            let data = config.get("data")?.get_ref();
            match data.get("name")?.get_ref().as_str()? {
                "digits" | "fashion_mnist" | "cifar10" => Some(10),
                "cifar100" => Some(100),
                "made" => whole(data.get("classes")?),
                _ => None,
            }
        })
    }

    /// What `read` makes of its configuration, as far as that can be read.
    fn configured<T>(&self, read: impl FnOnce(&DeTable<'_>) -> Option<T>) -> Option<T> {
        read(DeTable::parse(self.config.as_ref()?).ok()?.get_ref())
    }

    /// The result of a run that came to its end.
    pub fn finished(&self) -> Option<&RunResult> {
        self.result.as_ref().filter(|result| result.status == "done")
    }
}

/// A whole number of a configuration: up to 2^64, more than TOML's own numbers.
fn whole(value: &Spanned<DeValue<'_>>) -> Option<u64> {
    let number = value.get_ref().as_integer()?;
    u64::from_str_radix(number.as_str(), number.radix()).ok()
}

/// A number of a configuration, whole or not.
fn number(value: &Spanned<DeValue<'_>>) -> Option<f64> {
    let value = value.get_ref();
    let float = value.as_float().map(|number| number.as_str());
    float.or_else(|| Some(value.as_integer()?.as_str()))?.parse().ok()
}

const METRICS: &str = "metrics.jsonl";
const TRACE: &str = "trace.jsonl";

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8_lossy(&bytes).into_owned()
}
