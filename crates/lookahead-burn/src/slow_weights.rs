//! The slow weights phi of a module: as precise as the fast ones and at least f32, or rounded to bf16 in host memory.

use std::borrow::Cow;

use burn::module::{Module, ParamId};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Int, Tensor};
use lookahead::kernels::bf16::Rounding;
use lookahead::kernels::momentum::Coefficients;
use lookahead::{Alpha, OuterStep, SlowStorage};

use crate::cube;
use crate::flex::{Values, host, opens};
use crate::momentum::Momentum;
use crate::places::Places;
use crate::pull_back::{self, Update};
use crate::read_back::moved_to;
use crate::record::{RecordReader, RecordWriter};
use crate::refused::Refused;
use crate::rounded::{Rounded, RoundedWeights};
use crate::{Error, Weights};

/// The slow weights of all parameters.
#[derive(Debug, Clone)]
pub(crate) enum SlowWeights {
    Full { weights: Weights, on_host: bool, momentum: Option<Momentum> },
    Bf16(RoundedWeights),
}

/// The slow weights of one parameter, taken out for a pass.
pub(crate) enum OpenSlow {
    Full(Values),
    Momentum { slow: Values, buffer: Values, step: Coefficients<f64> },
    Bf16(Rounded, Rounding),
}

/// The same for a kernel of the device.
pub(crate) struct DeviceSlow<const D: usize> {
    pub(crate) slow: Tensor<D>,
    pub(crate) buffer: Option<Tensor<D>>,
    pub(crate) refused: Tensor<1, Int>,
}

impl SlowWeights {
    pub(crate) fn new(storage: SlowStorage, with_momentum: bool) -> Self {
        match storage {
            SlowStorage::Full => {
                let momentum = with_momentum.then(Momentum::default);
                Self::Full { weights: Weights::default(), on_host: false, momentum }
            }
            SlowStorage::Bf16 { seed } => Self::Bf16(RoundedWeights::new(seed)),
        }
    }

    /// Keeps them in host memory from now on; bf16 ones always are.
    #[cfg(feature = "flex")]
    pub(crate) fn keep_on_host(&mut self) {
        if let Self::Full { on_host, .. } = self {
            *on_host = true;
        }
    }

    /// Whether a sync takes place in host memory.
    pub(crate) fn are_on_host(&self) -> bool {
        matches!(self, Self::Bf16(_) | Self::Full { on_host: true, .. })
    }

    pub(crate) fn clear(&mut self) {
        match self {
            Self::Full { weights, .. } => *weights = Weights::default(),
            Self::Bf16(rounded) => rounded.clear(),
        }
        self.restart_momentum();
    }

    pub(crate) fn contains(&self, id: ParamId) -> bool {
        match self {
            Self::Full { weights, .. } => weights.contains(id),
            Self::Bf16(rounded) => rounded.contains(id),
        }
    }

    /// Those of the parameters that the module still has.
    pub(crate) fn retain(&mut self, places: &Places) {
        match self {
            Self::Full { weights, momentum, .. } => {
                weights.retain(places);
                momentum.iter_mut().for_each(|momentum| momentum.begin([], weights));
            }
            Self::Bf16(rounded) => rounded.retain(places),
        }
    }

    /// Forgets parameters that the module no longer has, and takes theta_0 of every one that joins in outer step `outer`:
    /// it is trainable or has a gradient.
    pub(crate) fn follow<M: Module>(
        &mut self,
        module: &M,
        places: &Places,
        grads: Option<&GradientsParams>,
        outer: u64,
    ) {
        self.retain(places);
        match self {
            Self::Full { weights, on_host, momentum } => {
                let device = on_host.then(host);
                let joined = weights.follow(module, grads, device.as_ref());
                momentum.iter_mut().for_each(|momentum| momentum.begin(joined.iter().copied(), weights));
            }
            Self::Bf16(rounded) => rounded.follow(module, places, grads, outer),
        }
    }

    /// Takes the module's present values for every known parameter: an outer Lookahead has moved them.
    pub(crate) fn rebase<M: Module>(&mut self, module: &M, outer: u64) {
        match self {
            Self::Full { weights, .. } => weights.rebase(module),
            Self::Bf16(rounded) => rounded.rebase(module, outer),
        }
    }

    /// The buffers of an outer momentum.
    pub(crate) fn momentum(&self) -> Option<&Momentum> {
        match self {
            Self::Full { momentum, .. } => momentum.as_ref(),
            Self::Bf16(_) => None,
        }
    }

    fn momentum_mut(&mut self) -> Option<&mut Momentum> {
        match self {
            Self::Full { momentum, .. } => momentum.as_mut(),
            Self::Bf16(_) => None,
        }
    }

    /// Notes the learning rate of a gradient step.
    pub(crate) fn observe_rate(&mut self, lr: f64) {
        self.momentum_mut().into_iter().for_each(|momentum| momentum.observe_rate(lr));
    }

    /// The numbers of `plan` for outer step `outer`, if there is a momentum.
    pub(crate) fn next_step(&mut self, plan: &OuterStep, outer: u64) -> Option<Coefficients<f64>> {
        self.momentum_mut().map(|momentum| momentum.next_step(plan, outer))
    }

    /// The momentum forgets all it has seen.
    pub(crate) fn restart_momentum(&mut self) {
        if let Self::Full { weights, momentum: Some(momentum), .. } = self {
            momentum.restart(weights);
        }
    }

    /// App. C.5 "interpolate" for the momentum of a Lookahead inside another.
    pub(crate) fn interpolate_momentum(&mut self, anchor: &Self, alpha: Alpha) {
        if let (Some(momentum), Some(anchor)) = (self.momentum_mut(), anchor.momentum()) {
            momentum.interpolate(anchor, alpha);
        }
    }

    /// The sync of one parameter, or, where it is frozen, `phi <- theta`. Gives theta.
    pub(crate) fn pull_back<const D: usize>(
        &mut self,
        id: ParamId,
        fast: Tensor<D>,
        update: &Update,
        frozen: bool,
        refused: &mut Refused,
    ) -> Tensor<D> {
        match self {
            Self::Full { weights, on_host, momentum } => {
                let Some(slow) = weights.take::<D>(id) else { return fast };
                // beside the parameters, wherever the module has been moved to
                let slow = if *on_host { slow } else { moved_to(slow, &fast.device()) };
                if frozen {
                    weights.insert(id, pull_back::follow(slow, &fast));
                    momentum.iter_mut().for_each(|momentum| momentum.begin([id], weights));
                    return fast;
                }
                let buffer = momentum.as_mut().and_then(|momentum| momentum.take::<D>(id));
                let buffer = buffer.map(|buffer| moved_to(buffer, &slow.device()));
                let (slow, buffer, fast) = pull_back::settle(slow, buffer, fast, update, refused);
                weights.insert(id, slow);
                if let (Some(momentum), Some(buffer)) = (momentum, buffer) {
                    momentum.insert(id, buffer);
                }
                fast
            }
            Self::Bf16(rounded) => rounded.pull_back(id, fast, update, frozen, refused),
        }
    }

    /// Takes out what a kernel of the device works on in a sync; `None` where tensor operations carry it out.
    pub(crate) fn take_for_device<const D: usize>(
        &mut self,
        id: ParamId,
        device: &Device,
        refused: &mut Refused,
    ) -> Option<DeviceSlow<D>> {
        let Self::Full { weights, on_host: false, momentum } = self else { return None };
        let is_there = |tensor: &Tensor<D>| cube::opens(tensor) && tensor.device() == *device;
        let buffer = momentum.as_ref().and_then(|momentum| momentum.buffers().get::<D>(id));
        if !weights.get::<D>(id).is_some_and(|slow| is_there(&slow)) || !buffer.iter().all(is_there) {
            return None;
        }
        drop(buffer);
        let buffer = momentum.as_mut().and_then(|momentum| momentum.take::<D>(id));
        Some(DeviceSlow { slow: weights.take(id)?, buffer, refused: refused.counter(device) })
    }

    /// Puts back what [`take_for_device`](Self::take_for_device) took out.
    pub(crate) fn put_from_device<const D: usize>(&mut self, id: ParamId, taken: DeviceSlow<D>, refused: &mut Refused) {
        let Self::Full { weights, momentum, .. } = self else { return };
        let DeviceSlow { slow, buffer, refused: counter } = taken;
        refused.put_back(counter);
        weights.insert(id, slow);
        if let (Some(momentum), Some(buffer)) = (momentum, buffer) {
            momentum.insert(id, buffer);
        }
    }

    /// Whether the kernels can work on the slow weights of this parameter, if it has any.
    pub(crate) fn opens<const D: usize>(&self, id: ParamId) -> bool {
        match self {
            Self::Full { weights, momentum, .. } => {
                let buffer = momentum.as_ref().and_then(|momentum| momentum.buffers().get::<D>(id));
                weights.get::<D>(id).iter().chain(&buffer).all(opens)
            }
            Self::Bf16(_) => true,
        }
    }

    /// Takes out what a sync works on; `None` for a parameter that is left alone.
    pub(crate) fn open<const D: usize>(&mut self, id: ParamId, update: &Update) -> Option<OpenSlow> {
        match self {
            Self::Full { weights, momentum, .. } => {
                let slow = Values::of(weights.take::<D>(id)?);
                let (Some(momentum), Some(step)) = (momentum, update.step) else { return Some(OpenSlow::Full(slow)) };
                let buffer = momentum.take::<D>(id).map_or_else(|| slow.zeros_beside(0), Values::of);
                Some(OpenSlow::Momentum { slow, buffer, step })
            }
            Self::Bf16(rounded) => {
                rounded.open(id, update.outer).map(|(slow, rounding)| OpenSlow::Bf16(slow, rounding))
            }
        }
    }

    /// Puts back what [`open`](Self::open) took out.
    pub(crate) fn close<const D: usize>(&mut self, id: ParamId, open: OpenSlow) {
        match (self, open) {
            (Self::Full { weights, .. }, OpenSlow::Full(slow)) => weights.insert(id, slow.into_tensor::<D>()),
            (Self::Full { weights, momentum, .. }, OpenSlow::Momentum { slow, buffer, .. }) => {
                weights.insert(id, slow.into_tensor::<D>());
                if let Some(momentum) = momentum {
                    momentum.insert(id, buffer.into_tensor::<D>());
                }
            }
            (Self::Bf16(rounded), OpenSlow::Bf16(slow, _)) => rounded.close(id, slow),
            // each storage takes back what it gave
            (Self::Full { .. }, OpenSlow::Bf16(..)) | (Self::Bf16(_), _) => {}
        }
    }

    /// The slow weights of one parameter as a tensor beside the parameter.
    pub(crate) fn get<const D: usize>(&self, id: ParamId) -> Option<Tensor<D>> {
        match self {
            Self::Full { weights, .. } => weights.get(id),
            Self::Bf16(rounded) => rounded.get(id),
        }
    }

    /// All of them as tensors.
    pub(crate) fn weights(&self) -> Cow<'_, Weights> {
        match self {
            Self::Full { weights, .. } => Cow::Borrowed(weights),
            Self::Bf16(rounded) => Cow::Owned(rounded.weights()),
        }
    }

    /// Under `slow/`, and an outer momentum under `momentum/`.
    pub(crate) fn save(&self, record: &mut RecordWriter<'_>) -> Result<(), Error> {
        match self {
            Self::Full { weights, .. } => weights.save(&mut record.within("slow"))?,
            Self::Bf16(rounded) => rounded.save(&mut record.within("slow"))?,
        }
        if let Some(momentum) = self.momentum() {
            record.number("has_momentum", true)?;
            momentum.save(&mut record.within("momentum"))?;
        }
        Ok(())
    }

    /// Reads what [`save`](Self::save) wrote, in the same storage. A momentum that was not kept begins at 0, and one that is
    /// not wanted goes.
    pub(crate) fn load(&mut self, record: &mut RecordReader<'_>) -> Result<(), Error> {
        match self {
            Self::Full { weights, on_host, momentum } => {
                let device = on_host.then(host);
                *weights = Weights::load(&mut record.within("slow"), device.as_ref())?;
                let was_kept = record.number_if_there("has_momentum")?.unwrap_or(false);
                match momentum {
                    Some(momentum) if was_kept => {
                        *momentum = Momentum::load(&mut record.within("momentum"), weights, device.as_ref())?;
                    }
                    Some(momentum) => momentum.restart(weights),
                    None if was_kept => drop(record.within("momentum").take_all()),
                    None => {}
                }
                Ok(())
            }
            Self::Bf16(rounded) => rounded.load(&mut record.within("slow")),
        }
    }
}
