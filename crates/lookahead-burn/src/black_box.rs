//! Burn's own `ModuleOptimizer` as inner optimizer: it hides its state, so it can be maintained or reset, no more.

use std::collections::BTreeMap;
use std::fmt;

use burn::lr_scheduler::module_lr_scheduler::ModuleLearningRate;
use burn::module::Module;
use burn::optim::{GradientsParams, ModuleOptimizer, OptimizerRecord};
use burn::tensor::{Bytes, TensorData};
use burn_pack::{Reader, Tensor as PackedTensor, Writer};
use lookahead::{Alpha, Cadence, Description, InnerStatePolicy};

use crate::places::Places;
use crate::record::{RecordReader, RecordWriter};
use crate::{Error, InnerOptimizer, Parameter};

/// A `ModuleOptimizer` that [`Lookahead`](crate::Lookahead) drives without seeing its state.
///
/// That includes per-parameter Lookaheads in it, whose slow weights do not follow an outer sync: give
/// [`RuleSet`](crate::RuleSet) those.
///
/// Burn keys the state by parameter id and keeps that of parameters which the module no longer has; a record leaves it out.
#[derive(Clone)]
pub struct BlackBox {
    optimizer: ModuleOptimizer,
}

impl BlackBox {
    pub(crate) fn new(optimizer: ModuleOptimizer) -> Self {
        Self { optimizer }
    }
}

impl fmt::Debug for BlackBox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlackBox").finish_non_exhaustive()
    }
}

impl Cadence for BlackBox {}

impl InnerOptimizer for BlackBox {
    fn advance<M: Module>(&mut self, lr: &ModuleLearningRate, module: M, grads: GradientsParams) -> M {
        let places = Places::to_move(&module, Some(&grads), |_| false);
        // Burn steps the first place of a parameter that stands at several.
        places.tie(self.optimizer.step(lr.clone(), module, grads))
    }

    fn accepts(&self, policy: InnerStatePolicy) -> Result<(), Error> {
        if policy == InnerStatePolicy::Interpolate { Err(Error::HiddenState) } else { Ok(()) }
    }

    fn reset(&mut self) {
        self.optimizer = self.optimizer.clone().load_record(OptimizerRecord::default());
    }

    /// Never called: `accepts` refuses the policy when the Lookahead is built.
    fn interpolate(&mut self, _anchor: &Self, _alpha: Alpha) {}

    fn describe(&self) -> Description {
        // Its rules and their hyperparameters cannot be seen.
        Description::of("ModuleOptimizer")
    }

    fn save(&self, record: &mut RecordWriter<'_>) -> Result<(), Error> {
        let parameters: BTreeMap<u64, &Parameter> =
            record.parameters().iter().map(|parameter| (parameter.id.val(), parameter)).collect();
        // "id.leaf" -> "path:leaf", of the parameters that the module still has
        let by_path = |name: &str| {
            let (id, leaf) = name.split_once('.')?;
            Some(format!("{}:{leaf}", parameters.get(&id.parse().ok()?)?.path))
        };
        let RecordContent { tensors, scalars } = RecordContent::of(self.optimizer.to_record())?;
        for (name, data) in tensors {
            if let Some(name) = by_path(&name) {
                record.within("tensors").tensor(&name, data)?;
            }
        }
        for (name, number) in scalars {
            if let Some(name) = by_path(&name) {
                record.within("numbers").number(&name, number)?;
            }
        }
        Ok(())
    }

    fn load(&mut self, record: &mut RecordReader<'_>) -> Result<(), Error> {
        let parameters = record.parameters();
        let (tensors, _) = record.within("tensors").take_all();
        let (_, numbers) = record.within("numbers").take_all();
        let unreadable = |path: &str| Error::UnreadableState { path: path.to_owned() };
        // "path:leaf" -> "id.leaf"
        let by_id = |name: &str| -> Result<(u64, String), Error> {
            let (path, leaf) = name.rsplit_once(':').ok_or_else(|| unreadable(name))?;
            let parameter = parameters.iter().find(|parameter| parameter.path == path);
            let id = parameter.ok_or(Error::LeftInRecord { name: name.to_owned() })?.id.val();
            Ok((id, format!("{id}.{leaf}")))
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
        let RecordContent { tensors, scalars } = RecordContent::of(self.optimizer.to_record())?;
        if (tensors.len(), scalars.len()) == written { Ok(()) } else { Err(unreadable("of the ModuleOptimizer")) }
    }
}

/// An `OptimizerRecord`, whose fields Burn keeps private, taken apart by way of its bytes.
pub(crate) struct RecordContent {
    pub(crate) tensors: Vec<(String, TensorData)>,
    pub(crate) scalars: Vec<(String, burn_pack::Scalar)>,
}

impl RecordContent {
    /// # Errors
    /// [`Error::DamagedRecord`] if Burn cannot write it to memory, or not read that.
    pub(crate) fn of(record: OptimizerRecord) -> Result<Self, Error> {
        let damaged = |reason: String| Error::DamagedRecord { reason };
        let bytes: Bytes = record.into_bytes().map_err(|error| damaged(error.to_string()))?;
        let reader = Reader::from_bytes(bytes).map_err(|error| damaged(error.to_string()))?;
        let scalars = reader.scalars().iter().map(|(name, number)| (name.clone(), *number)).collect();
        let mut tensors = Vec::new();
        for tensor in reader.into_tensors().map_err(|error| damaged(error.to_string()))? {
            let (name, dtype, shape, _, bytes) = tensor.into_parts().map_err(|error| damaged(error.to_string()))?;
            tensors.push((name, TensorData::from_bytes(bytes, shape, dtype)));
        }
        Ok(Self { tensors, scalars })
    }
}
