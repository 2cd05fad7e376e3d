//! The precision of the fast weights and of what is computed with them; the key `precision`.

use burn::tensor::DType;
use serde::Serialize;

use super::OptimizerConfig;
use lookahead_settings::{Read, Table};

/// In which precision the network is, and computes.
///
/// Slow weights, averages and the rules' moments are f32 all the same: after a sync the fast weights are the half-precision
/// numbers nearest to the slow ones. Between syncs a step is rounded to the fast weights' precision, so that what would move
/// one by less than half a unit of its last place does not move it. Batch norm and losses are f32.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// Single precision.
    #[default]
    F32,
    /// The range of f32, with 8 significant bits.
    Bf16,
    /// 11 significant bits; losses are scaled, because there is no number below 2^-24.
    F16,
}

impl Precision {
    /// Its name in a configuration, and among the precisions of a device.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
            Self::F16 => "f16",
        }
    }

    /// What Burn calls it.
    #[must_use]
    pub fn dtype(self) -> DType {
        match self {
            Self::F32 => DType::F32,
            Self::Bf16 => DType::BF16,
            Self::F16 => DType::F16,
        }
    }

    pub(super) fn is_single(&self) -> bool {
        *self == Self::F32
    }

    /// Reads the key of a run's table; `optimizer` and the rest of the table must go with it.
    pub(super) fn read(table: &Table<'_>, optimizer: &OptimizerConfig) -> Read<Self> {
        let all = [Self::F32, Self::Bf16, Self::F16].map(|precision| (precision.name(), precision));
        let precision = table.or("precision", Self::F32, |e| e.one_of(&all))?;
        let refuse = |accepted: &str| table.refuse("precision", precision.name(), accepted.to_owned());
        if precision != Self::F32 && table.get("trace").is_some() {
            return Err(refuse("\"f32\" beside trace, whose weights are read as f32"));
        }
        if precision != Self::F32 && table.get("workers").is_some() {
            return Err(refuse("\"f32\" beside workers, which share f32"));
        }
        if precision == Self::F16 && optimizer.asks_for_gradient() {
            return Err(refuse("\"f32\" or \"bf16\" beside adaptive.gradient = \"fresh\", whose loss is not scaled"));
        }
        Ok(precision)
    }
}
