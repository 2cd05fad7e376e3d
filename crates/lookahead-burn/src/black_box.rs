//! Burn's own `ModuleOptimizer` as inner optimizer: it hides its state, so it can be maintained or reset, no more.

use std::collections::BTreeMap;

use burn::lr_scheduler::module_lr_scheduler::ModuleLearningRate;
use burn::module::Module;
use burn::optim::{GradientsParams, ModuleOptimizer, OptimizerRecord};
use burn::tensor::{Bytes, TensorData};
use burn_pack::{Reader, Tensor as PackedTensor, Writer};
use lookahead::{Alpha, Cadence, InnerStatePolicy};

use crate::record::{RecordReader, RecordWriter};
use crate::{Error, InnerOptimizer};

/// A `ModuleOptimizer` that [`Lookahead`](crate::Lookahead) drives without seeing its state.
///
/// That includes per-parameter Lookaheads in it, whose slow weights do not follow an outer sync: give
/// [`RuleSet`](crate::RuleSet) those.
#[derive(Clone)]
pub struct BlackBox {
    optimizer: ModuleOptimizer,
}

impl BlackBox {
    pub(crate) fn new(optimizer: ModuleOptimizer) -> Self {
        Self { optimizer }
    }
}

impl Cadence for BlackBox {}

impl InnerOptimizer for BlackBox {
    fn advance<M: Module>(&mut self, lr: &ModuleLearningRate, module: M, grads: GradientsParams) -> M {
        self.optimizer.step(lr.clone(), module, grads)
    }

    fn accepts(&self, policy: InnerStatePolicy) -> Result<(), Error> {
        if policy == InnerStatePolicy::Interpolate { Err(Error::HiddenState) } else { Ok(()) }
    }

    fn reset(&mut self) {
        self.optimizer = self.optimizer.clone().load_record(OptimizerRecord::default());
    }

    /// Never called: `accepts` refuses the policy when the Lookahead is built.
    fn interpolate(&mut self, _anchor: &Self, _alpha: Alpha) {}

    fn describe(&self) -> String {
        // Its rules and their hyperparameters cannot be seen.
        "ModuleOptimizer".to_owned()
    }

    fn save(&self, record: &mut RecordWriter<'_>) {
        // What Burn writes it can read, and it writes to memory: neither can fail.
        let Some(Parts { tensors, scalars, paths }) = Parts::of(self.optimizer.to_record()) else { return };
        for (name, data) in tensors {
            record.within("tensors").tensor(&by_path(&name, &paths), data);
        }
        for (name, number) in scalars {
            record.within("numbers").number(&by_path(&name, &paths), number);
        }
    }

    fn load(&mut self, record: &mut RecordReader<'_>) -> Result<(), Error> {
        let params = record.params();
        let (tensors, _) = record.within("tensors").take_all();
        let (_, numbers) = record.within("numbers").take_all();
        let unreadable = |path: &str| Error::UnreadableState { path: path.to_owned() };
        // "path:leaf" -> "id.leaf"
        let by_id = |name: &str| -> Result<(u64, String), Error> {
            let (path, leaf) = name.rsplit_once(':').ok_or_else(|| unreadable(name))?;
            let (_, param) =
                params.iter().find(|(known, _)| known == path).ok_or(Error::LeftInRecord { name: name.to_owned() })?;
            Ok((param.id.val(), format!("{}.{leaf}", param.id.val())))
        };
        let mut packed = Vec::new();
        let mut paths = BTreeMap::new();
        for (name, data) in tensors {
            let (id, name) = by_id(&name)?;
            let (bytes, shape, dtype) = data.into_parts();
            packed.push(PackedTensor::new(name, dtype, shape, Some(id), bytes));
        }
        let mut scalars = Vec::new();
        for (name, number) in numbers {
            let (id, scalar) = by_id(&name)?;
            if let Some((path, _)) = name.rsplit_once(':') {
                paths.insert(id.to_string(), path.to_owned());
            }
            scalars.push((scalar, number));
        }
        let written = (packed.len(), scalars.len());
        let writer =
            scalars.iter().fold(Writer::new(packed), |writer, (name, number)| writer.with_scalar(name, *number));
        let writer = paths.iter().fold(writer, |writer, (id, path)| writer.with_metadata(id, path));
        let damaged = |reason: String| Error::DamagedRecord { reason };
        let bytes = writer.into_bytes().map_err(|error| damaged(error.to_string()))?;
        let loaded = OptimizerRecord::from_bytes(bytes).map_err(|error| damaged(error.to_string()))?;
        self.optimizer = self.optimizer.clone().load_record(loaded);
        // Burn leaves out, without a word, what it cannot rebuild.
        let kept = Parts::of(self.optimizer.to_record()).map(|parts| (parts.tensors.len(), parts.scalars.len()));
        if kept.unwrap_or_default() == written { Ok(()) } else { Err(unreadable("of the ModuleOptimizer")) }
    }
}

/// An `OptimizerRecord`, whose fields Burn keeps private, taken apart by way of its bytes.
pub(crate) struct Parts {
    pub(crate) tensors: Vec<(String, TensorData)>,
    pub(crate) scalars: Vec<(String, burn_pack::Scalar)>,
    /// Parameter id to module path.
    pub(crate) paths: BTreeMap<String, String>,
}

impl Parts {
    pub(crate) fn of(record: OptimizerRecord) -> Option<Self> {
        let bytes: Bytes = record.into_bytes().ok()?;
        let reader = Reader::from_bytes(bytes).ok()?;
        let scalars = reader.scalars().iter().map(|(name, number)| (name.clone(), *number)).collect();
        let paths = reader.metadata().clone();
        let mut tensors = Vec::new();
        for tensor in reader.into_tensors().ok()? {
            let (name, dtype, shape, _, bytes) = tensor.into_parts().ok()?;
            tensors.push((name, TensorData::from_bytes(bytes, shape, dtype)));
        }
        Some(Self { tensors, scalars, paths })
    }
}

/// "id.leaf" -> "path:leaf"
fn by_path(name: &str, paths: &BTreeMap<String, String>) -> String {
    let (id, leaf) = name.split_once('.').unwrap_or((name, ""));
    format!("{}:{leaf}", paths.get(id).map_or(id, String::as_str))
}
