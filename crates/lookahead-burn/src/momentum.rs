//! The memory of an outer step with momentum: a buffer b for each parameter, beside the slow weights.

use burn::module::ParamId;
use burn::tensor::{Device, Tensor};
use lookahead::kernels::momentum::Coefficients;
use lookahead::{Alpha, BufferScale, BufferUnit, OuterStep};

use crate::record::{RecordReader, RecordWriter};
use crate::{Error, Parameter, Weights};

/// The buffers of all parameters that have slow weights.
#[derive(Debug, Clone, Default)]
pub(crate) struct Momentum {
    buffers: Weights,
    scale: BufferScale,
}

/// In what buffers are measured, as a record numbers it.
pub(crate) fn unit_number(unit: BufferUnit) -> u64 {
    match unit {
        BufferUnit::Delta => 0,
        BufferUnit::DeltaOverLearningRate => 1,
        BufferUnit::OuterStep => 2,
    }
}

pub(crate) fn unit_of(number: u64) -> Option<BufferUnit> {
    let units = [BufferUnit::Delta, BufferUnit::DeltaOverLearningRate, BufferUnit::OuterStep];
    units.into_iter().find(|unit| unit_number(*unit) == number)
}

impl Momentum {
    pub(crate) fn buffers(&self) -> &Weights {
        &self.buffers
    }

    /// Notes the learning rate of a gradient step.
    pub(crate) fn observe_rate(&mut self, lr: f64) {
        self.scale.lr = lr;
    }

    /// The numbers of `plan` for outer step `outer`.
    pub(crate) fn next_step(&mut self, plan: &OuterStep, outer: u64) -> Coefficients<f64> {
        plan.coefficients(outer, &mut self.scale)
    }

    /// Begins afresh, of these slow weights.
    pub(crate) fn restart(&mut self, slow: &Weights) {
        self.buffers = Weights::default();
        self.begin(slow.ids(), slow);
        self.scale.size = 0.0;
    }

    /// Begins at 0 for these of the slow weights; those of no slow weights go.
    pub(crate) fn begin(&mut self, ids: impl IntoIterator<Item = ParamId>, slow: &Weights) {
        ids.into_iter().for_each(|id| self.buffers.insert_zeros(id, slow));
        self.buffers.retain_known(slow);
    }

    /// Takes the buffer out, so that it can be written in place.
    pub(crate) fn take<const D: usize>(&mut self, id: ParamId) -> Option<Tensor<D>> {
        self.buffers.take(id)
    }

    pub(crate) fn insert<const D: usize>(&mut self, id: ParamId, buffer: Tensor<D>) {
        self.buffers.insert(id, buffer);
    }

    /// App. C.5 "interpolate", inside another Lookahead.
    pub(crate) fn interpolate(&mut self, anchor: &Self, alpha: Alpha) {
        self.buffers.interpolate(&anchor.buffers, alpha);
    }

    pub(crate) fn save(&self, record: &mut RecordWriter<'_>) -> Result<(), Error> {
        let BufferScale { unit, size, lr } = self.scale;
        record.number("unit", unit_number(unit))?;
        record.number("size", size)?;
        record.number("learning_rate", lr)?;
        self.buffers.save(&mut record.within("buffer"))
    }

    /// Reads what [`save`](Self::save) wrote for these slow weights, onto `device` or beside the parameters.
    pub(crate) fn load(record: &mut RecordReader<'_>, slow: &Weights, device: Option<&Device>) -> Result<Self, Error> {
        let unit = unit_of(record.number("unit")?);
        let unit =
            unit.ok_or_else(|| Error::DamagedRecord { reason: format!("{}/unit is not known", record.path()) })?;
        let scale = BufferScale { unit, size: record.number("size")?, lr: record.number("learning_rate")? };
        let mut record = record.within("buffer");
        let buffers = Weights::load(&mut record, device)?;
        let without_one = |param: &&Parameter| slow.contains(param.id) && !buffers.contains(param.id);
        match record.parameters().iter().find(without_one) {
            Some(Parameter { path, .. }) => Err(Error::MissingInRecord { name: format!("{}/{path}", record.path()) }),
            None => Ok(Self { buffers, scale }),
        }
    }
}
