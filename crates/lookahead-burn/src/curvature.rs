//! Prop. 1 on a module: the two sums of the adaptive alpha, over all parameters.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleVisitor, Param, ParamId};
use burn::optim::GradientsParams;
use burn::tensor::{Device, FloatDType, Tensor};
use lookahead::kernels::{AlphaSums, AlphaTerms, Pass, SlowValues};
use lookahead::{Adaptive, ChosenAlpha, CurvaturePower};

use crate::flex::{Values, is_later, opens};
use crate::ordered_sum::ordered_sum;
use crate::places::Places;
use crate::read_back::{self, Number, moved_to};
use crate::record::{RecordReader, RecordWriter};
use crate::slow_weights::SlowWeights;
use crate::traversal::Lifted;
use crate::weights::{in_precision, widened};
use crate::{Error, InnerOptimizer, Parameter, Weights};

/// The decay of our own average of squared gradients, for inner optimizers that keep no second moment.
const BETA: f64 = 0.999;

/// A bias-corrected average of squared gradients, `a <- beta a + (1 - beta) g^2`.
#[derive(Debug, Clone, Default)]
pub(crate) struct SquaredGradients {
    averages: Weights,
    weights: BTreeMap<ParamId, f64>,
}

impl SquaredGradients {
    pub(crate) fn observe<M: Module>(&mut self, module: &M, places: &Places, grads: &GradientsParams) {
        self.retain(places);
        places.visit(module, &mut Observe { squares: self, grads });
    }

    /// Those of the parameters that the module still has.
    pub(crate) fn retain(&mut self, places: &Places) {
        self.averages.retain(places);
        self.weights.retain(|id, _| self.averages.contains(*id));
    }

    fn second_moment<const D: usize>(&self, id: ParamId) -> Option<(Tensor<D>, f64)> {
        Some((self.averages.get(id)?, *self.weights.get(&id)?))
    }

    pub(crate) fn save(&self, record: &mut RecordWriter<'_>) -> Result<(), Error> {
        self.averages.save(&mut record.within("average"))?;
        let mut record = record.within("weight");
        for Parameter { path, id, .. } in record.parameters() {
            if let Some(weight) = self.weights.get(id) {
                record.number(path, *weight)?;
            }
        }
        Ok(())
    }

    pub(crate) fn load(record: &mut RecordReader<'_>) -> Result<Self, Error> {
        let averages = Weights::load(&mut record.within("average").partial(), None)?;
        let mut record = record.within("weight");
        let known = record.parameters().iter().filter(|parameter| averages.contains(parameter.id));
        let weights =
            known.map(|Parameter { id, path, .. }| Ok((*id, record.number(path)?))).collect::<Result<_, Error>>()?;
        Ok(Self { averages, weights })
    }
}

struct Observe<'a> {
    squares: &'a mut SquaredGradients,
    grads: &'a GradientsParams,
}

impl ModuleVisitor for Observe<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let Some(gradient) = self.grads.get::<D>(param.id).map(widened) else { return };
        let SquaredGradients { averages, weights } = &mut *self.squares;
        let known = averages.take::<D>(param.id).filter(|known| known.dims() == gradient.dims());
        let known = known.map(|known| moved_to(known, &gradient.device()));
        let weight = weights.entry(param.id).or_default();
        let average = known.unwrap_or_else(|| {
            *weight = 0.0;
            gradient.zeros_like()
        });
        averages.insert(param.id, accumulate(average, gradient));
        *weight = BETA * *weight + (1.0 - BETA);
    }
}

fn accumulate<const D: usize>(average: Tensor<D>, gradient: Tensor<D>) -> Tensor<D> {
    if opens(&average) && opens(&gradient) {
        let (mut average, gradient) = (Values::of(average), Values::of(gradient));
        Pass::new().accumulate_squares(average.as_mut_slice(), gradient.as_slice(), BETA);
        return average.into_tensor();
    }
    average * BETA + gradient.clone() * gradient * (1.0 - BETA)
}

/// The alpha of a sync, and how it came about.
#[derive(Debug, Clone)]
pub(crate) enum Chosen {
    Known(ChosenAlpha),
    /// Still on its device: the slope and the curvature of Prop. 1 over all parameters, and what they make of alpha.
    OnDevice {
        slope: Number,
        curvature: Number,
        alpha: Number,
    },
}

/// Chooses alpha at theta_k, `gradient` being the gradient there (or, for the approximation, at theta_{k-1}).
pub(crate) fn choose_alpha<M: Module, I: InnerOptimizer>(
    adaptive: &Adaptive,
    module: &M,
    places: &Places,
    slow: &SlowWeights,
    gradient: &GradientsParams,
    inner: &I,
    squares: Option<&SquaredGradients>,
) -> Chosen {
    let mut sums = Sums {
        slow,
        gradient,
        inner,
        squares,
        power: adaptive.curvature(),
        total: AlphaSums::default(),
        pending: vec![],
        devices: vec![],
    };
    places.visit(module, &mut sums);
    let Sums { total, pending, devices, .. } = sums;
    match &devices[..] {
        [device] if is_later(device) && !pending.is_empty() => on_device(adaptive, pending),
        _ => {
            let pending = read_back::numbers(pending).unwrap_or_else(|error| panic!("{error}"));
            Chosen::Known(
                adaptive.choose(
                    pending
                        .chunks_exact(2)
                        .fold(total, |total, pair| total + AlphaSums { slope: pair[0], curvature: pair[1] }),
                ),
            )
        }
    }
}

/// [`Adaptive::choose`] in tensor operations, for the slope and the curvature of each parameter in turn.
fn on_device(adaptive: &Adaptive, pending: Vec<Tensor<1>>) -> Chosen {
    let parameters = pending.len() / 2;
    let sums = Tensor::cat(pending, 0).reshape([parameters, 2]).sum_dim(0).reshape([2]);
    let (slope, curvature) = (sums.clone().narrow(0, 0, 1), sums.narrow(0, 1, 1));
    let low = adaptive.low().get();
    // alpha = 1 + g.d / (d.A d), not above 1; low where that is below it or no number; 1 where nothing is curved
    let estimate = slope.clone() / curvature.clone() + 1.0;
    let alpha = estimate.clone().clamp_max(1.0);
    let alpha = alpha.mask_fill(estimate.greater_equal_elem(low).bool_not(), low);
    let alpha = alpha.mask_fill(curvature.clone().equal_elem(0.0), 1.0);
    let [slope, curvature, alpha] = [slope, curvature, alpha].map(Number::on_device);
    Chosen::OnDevice { slope, curvature, alpha }
}

/// What was chosen, waiting for the device that has it.
pub(crate) fn read_chosen(adaptive: &Adaptive, slope: &Number, curvature: &Number) -> Result<ChosenAlpha, Error> {
    Ok(adaptive.choose(AlphaSums { slope: slope.read()?, curvature: curvature.read()? }))
}

struct Sums<'a, I> {
    slow: &'a SlowWeights,
    gradient: &'a GradientsParams,
    inner: &'a I,
    squares: Option<&'a SquaredGradients>,
    power: CurvaturePower,
    total: AlphaSums,
    /// Slope and curvature of each parameter that does not open, still on its device.
    pending: Vec<Tensor<1>>,
    /// Where the slow and the fast weights are.
    devices: Vec<Device>,
}

impl<I: InnerOptimizer> ModuleVisitor for Sums<'_, I> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let id = param.id;
        let Some(slow) = self.slow.get::<D>(id) else { return };
        for device in [slow.device(), param.val().device()] {
            if !self.devices.contains(&device) {
                self.devices.push(device);
            }
        }
        let moment = match self.squares {
            Some(squares) => squares.second_moment::<D>(id),
            None => self.inner.second_moment::<D>(id),
        };
        let Some((moment, weight)) = moment.filter(|(_, weight)| *weight > 0.0) else { return };
        let (_, fast) = Lifted::lower(param.val());
        // where theta began: phi itself, or the nearest number of a half-precision theta
        let slow = in_precision(moved_to(slow, &fast.device()), fast.dtype());
        let moment = moved_to(moment, &fast.device());
        let gradient = self.gradient.get::<D>(id).map(|gradient| moved_to(gradient, &fast.device()));

        if [&slow, &fast, &moment].into_iter().chain(&gradient).all(opens) {
            let (slow, fast, moment) = (Values::of(slow), Values::of(fast), Values::of(moment));
            let gradient = gradient.map(Values::of);
            let terms = AlphaTerms {
                slow: SlowValues::Full(slow.as_slice()),
                fast: fast.as_slice(),
                gradient: gradient.as_ref().map(Values::as_slice),
                moments: moment.as_slice(),
                weight,
            };
            self.total = self.total + Pass::new().alpha_sums(1, self.power, |_| Some(terms));
            return;
        }
        // g . d and d . A d, with d = phi - theta, in the widest precision that the device has
        let has_f64 = fast.device().supports_dtype(FloatDType::F64);
        let wide = |tensor: Tensor<D>| tensor.cast(if has_f64 { FloatDType::F64 } else { FloatDType::F32 });
        let d = wide(slow) - wide(fast);
        let corrected = wide(moment) / weight;
        let curvature = match self.power {
            CurvaturePower::Root => corrected.sqrt(),
            CurvaturePower::SecondMoment => corrected,
        };
        let slope = gradient.map_or_else(|| d.zeros_like(), |gradient| wide(gradient) * d.clone());
        self.pending.extend([ordered_sum(slope), ordered_sum(d.clone() * curvature * d)]);
    }
}
