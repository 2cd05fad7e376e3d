//! Whether losses are numbers: seen at once on the processor, elsewhere for many steps together, so that none waits.

use burn::tensor::{Device, Tensor};
use lookahead_burn::{Error, values_now};

/// How many steps a device may be ahead of a look at its losses.
const STEPS_BETWEEN_LOOKS: usize = 50;

/// The losses of the steps since the last look.
pub(super) struct Losses {
    /// The number of each step, from 1, and its loss.
    unseen: Vec<(u64, Tensor<1>)>,
    /// The sum of those that were seen since it was taken, and how many these are.
    sum: f64,
    seen: u32,
    steps_between_looks: usize,
}

impl Losses {
    pub(super) fn on(device: &Device) -> Self {
        let is_processor = device.clone().without_autodiff() == Device::flex();
        Self {
            unseen: Vec::new(),
            sum: 0.0,
            seen: 0,
            steps_between_looks: if is_processor { 1 } else { STEPS_BETWEEN_LOOKS },
        }
    }

    /// Takes note of the loss of a step; whether it is time to look.
    pub(super) fn note(&mut self, step: u64, loss: Tensor<1>) -> bool {
        self.unseen.push((step, loss.inner()));
        self.unseen.len() >= self.steps_between_looks
    }

    /// The first step whose loss was not finite, of those not looked at; waits for the device.
    pub(super) fn first_not_finite(&mut self) -> Result<Option<u64>, Error> {
        let (steps, losses): (Vec<_>, Vec<_>) = std::mem::take(&mut self.unseen).into_iter().unzip();
        if losses.is_empty() {
            return Ok(None);
        }
        let losses = values_now(Tensor::cat(losses, 0))?;
        self.seen += steps.len() as u32;
        self.sum += losses.iter::<f32>().map(f64::from).sum::<f64>();
        let first = losses.iter::<f32>().zip(steps).find(|(loss, _)| !loss.is_finite());
        Ok(first.map(|(_, step)| step))
    }

    /// What is to be said with the step of a look: nothing on the processor, which looks at each.
    pub(super) fn since_the_last_look(&self) -> String {
        match self.steps_between_looks {
            1 => String::new(),
            steps => format!(" (in this step or one of the {} before)", steps - 1),
        }
    }

    /// The mean loss of the steps since it was last asked for, 0 of none; waits for the device.
    pub(super) fn take_mean(&mut self) -> Result<f64, Error> {
        self.first_not_finite()?;
        let (sum, seen) = (std::mem::take(&mut self.sum), std::mem::take(&mut self.seen));
        Ok(sum / f64::from(seen.max(1)))
    }
}
