//! Batch-norm statistics for weights that no batch was trained with: re-estimated over batches, in a copy.
//! Slow weights and averages are such weights: the buffers beside them follow the fast ones (PyTorch: `update_bn`).

use burn::module::{Flag, Module, ModuleMapper, Param};
use burn::tensor::{Tensor, TensorData};

use crate::{Error, read_back};

/// A copy of `model` for evaluation in which every [`BatchNorm`](burn::nn::BatchNorm) has the statistics of `batches`:
/// the mean of the batch means, and of the batch variances (biased ones, Burn's definition).
///
/// Nothing else differs from [`model.valid()`](Module::valid), and `model` itself does not change a bit.
///
/// `forward` runs a model on one batch; its inputs belong on an autodiff device, as in training. That model trains as
/// far as batch norm goes and evaluates in all else: no dropout (PyTorch leaves it on), so no random number is drawn,
/// and no graph. Every batch counts alike, whatever its size, and is taken to reach the same layers. The first batch
/// runs twice, because a layer's momentum m can only be found out by trying; the statistics are exact to `1e-7 / m`.
///
/// A layer that does not update its statistics keeps them: momentum 0, frozen, not reached, fed without autodiff. One
/// that runs several times on a batch gets the average of its runs, later ones weighing slightly more. Layers made by
/// `clone()` share their statistics in training; for evaluation Burn gives each its own, and so does this.
///
/// # Errors
/// [`Error::NoBatches`] if there is no batch; [`Error::ReadBack`] if the device fails.
///
/// ```
/// use burn::{module::Module, nn::BatchNormConfig, tensor::{Device, Tensor}};
/// use lookahead_burn::re_estimate_batch_norm;
///
/// let device = Device::flex().autodiff();
/// let model = BatchNormConfig::new(1).init(&device);
/// let batches = [[[1.0], [3.0]], [[5.0], [9.0]]].map(|batch| Tensor::<2>::from_floats(batch, &device));
///
/// let evaluated = re_estimate_batch_norm(&model, batches, |model, batch| model.forward(batch))?;
/// let mean = evaluated.running_mean.value().into_scalar::<f32>();        // of 2 and 7
/// let variance = evaluated.running_var.value().into_scalar::<f32>();     // of 1 and 4
/// assert!((mean - 4.5).abs() < 1e-5 && (variance - 2.5).abs() < 1e-5);
/// # Ok::<(), lookahead_burn::Error>(())
/// ```
pub fn re_estimate_batch_norm<M: Module, B: Clone, O>(
    model: &M,
    batches: impl IntoIterator<Item = B>,
    mut forward: impl FnMut(&M, B) -> O,
) -> Result<M, Error> {
    // Every `valid` below makes statistics of its own; a `clone` would share the model's.
    let mut updated = |start: f64, batch: B| {
        let filled = map_statistics(model.valid(), |statistic| statistic.full_like(start));
        let probe = filled.train().no_grad().map(&mut TrainOnlyBatchNorm::default());
        forward(&probe, batch);
        read_statistics(&probe)
    };

    let mut batches = batches.into_iter();
    let Some(first) = batches.next() else {
        return Err(Error::NoBatches);
    };
    // A layer makes s into (1 - m) s + m b, b being the batch's statistic: s = 0 gives m b, and another s gives m.
    let far = updated(FAR, first.clone())?;
    let mut totals = updated(0.0, first)?;
    let momenta: Vec<f64> = far.iter().zip(&totals).map(|(far, near)| 1.0 - (far[0] - near[0]) / FAR).collect();

    let mut count = 1.0;
    for batch in batches {
        for (total, statistic) in totals.iter_mut().flatten().zip(updated(0.0, batch)?.iter().flatten()) {
            *total += statistic;
        }
        count += 1.0;
    }

    let mut estimates = totals.into_iter().zip(momenta);
    Ok(map_statistics(model.valid(), |statistic| match estimates.next() {
        Some((total, momentum)) if momentum != 0.0 => {
            let mean: Vec<f64> = total.iter().map(|total| total / (momentum * count)).collect();
            let (device, dtype) = (statistic.device(), statistic.dtype());
            Tensor::from_data(TensorData::from(mean.as_slice()), (&device, dtype))
        }
        _ => statistic,
    }))
}

/// A start far enough from usual statistics to find m to a float's precision, and still a finite half float.
const FAR: f64 = 16384.0;

/// Runs over the statistics of every batch norm, in the order of the module.
fn map_statistics<M: Module>(model: M, change: impl FnMut(Tensor<1>) -> Tensor<1>) -> M {
    model.map(&mut MapStatistics { at_statistic: false, change })
}

/// The statistics as they stand after pending updates.
fn read_statistics<M: Module>(model: &M) -> Result<Vec<Vec<f64>>, Error> {
    let mut statistics = Vec::new();
    map_statistics(model.valid(), |statistic| {
        statistics.push(read_back::values_now(statistic.clone()).map(|data| data.iter().collect()));
        statistic
    });
    statistics.into_iter().collect()
}

/// What `derive(Module)` announces before each field of Burn's layer.
const BATCH_NORM: &str = "Struct:BatchNorm";

struct MapStatistics<F> {
    at_statistic: bool,
    change: F,
}

impl<F: FnMut(Tensor<1>) -> Tensor<1>> ModuleMapper for MapStatistics<F> {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.at_statistic = container_type == BATCH_NORM && matches!(name, "running_mean" | "running_var");
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.at_statistic = false;
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if !self.at_statistic {
            return param;
        }
        param.map(|statistic| {
            let shape = statistic.dims();
            (self.change)(statistic.reshape([-1])).reshape(shape)
        })
    }
}

#[derive(Default)]
struct TrainOnlyBatchNorm {
    in_batch_norm: bool,
}

impl ModuleMapper for TrainOnlyBatchNorm {
    fn enter_module(&mut self, _name: &str, container_type: &str) {
        self.in_batch_norm = container_type == BATCH_NORM;
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.in_batch_norm = false;
    }

    fn map_flag(&mut self, flag: Param<Flag>) -> Param<Flag> {
        if self.in_batch_norm { flag } else { flag.with_value(false) }
    }
}
