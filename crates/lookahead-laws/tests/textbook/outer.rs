//! Outer steps with momentum, and workers, as the sources write them; with a defect on request.

use lookahead::{BufferUnit, OuterForm, OuterStep, StepSize};

/// The buffer is added also where the momentum is 0.
pub const MOMENTUM_LEFT_OVER: u8 = 25;
/// A restart leaves the buffer as it is.
pub const RESTART_DOES_NOTHING: u8 = 26;
/// Nesterov's step is made with the buffer before the new way enters it.
pub const OLD_BUFFER: u8 = 27;
/// The mean of the workers is their sum over their number.
pub const MEAN_ROUNDS: u8 = 28;
/// MuLoCo's buffer holds ways, as SNOO's does.
pub const MULOCO_AS_SNOO: u8 = 31;
/// SlowMo's buffer holds ways, whatever the learning rate was.
pub const SLOWMO_WITHOUT_RATES: u8 = 32;

/// The numbers of one sync.
#[derive(Clone, Copy)]
pub struct Numbers {
    /// alpha, or eta.
    pub rate: f64,
    /// The momentum, what stays of the buffer, whether it is Nesterov's, and its unit in ways; `None` for Eq. 1.
    momentum: Option<(f64, f64, bool, f64)>,
}

impl Numbers {
    pub fn of<const D: u8>(step_size: &StepSize, outer: u64, lr: f64) -> Self {
        match step_size {
            StepSize::Fixed(alphas) => Self { rate: alphas.at(outer).get(), momentum: None },
            StepSize::Outer(step) => Self::of_outer::<D>(step, outer, lr),
            StepSize::Adaptive(_) => panic!("exempt from adaptive alpha"),
        }
    }

    fn of_outer<const D: u8>(step: &OuterStep, outer: u64, lr: f64) -> Self {
        let rate = step.rate().at(outer).get();
        let mu = step.momentum().at(outer).get();
        let restarts = step.restart_every().is_some_and(|every| outer.is_multiple_of(every));
        let kept = if restarts && D != RESTART_DOES_NOTHING { 0.0 } else { mu };
        let kept = if D == MOMENTUM_LEFT_OVER { 0.5 } else { kept };
        let unit = match step.buffer_unit() {
            BufferUnit::OuterStep if D != MULOCO_AS_SNOO => rate,
            BufferUnit::DeltaOverLearningRate if D != SLOWMO_WITHOUT_RATES => 1.0 / lr,
            _ => 1.0,
        };
        Self { rate, momentum: Some((mu, kept, step.form() == OuterForm::Nesterov, unit)) }
    }

    /// The way to go from phi, `None` for theta itself, and the new buffer.
    pub fn way<const D: u8>(self, phi: f64, theta: f64, buffer: f64) -> (Option<f64>, f64) {
        let Some((mu, kept, nesterov, unit)) = self.momentum else {
            return ((self.rate != 1.0).then_some(phi - theta), buffer);
        };
        let delta = unit * (phi - theta);
        let new = if kept == 0.0 { delta } else { kept * buffer + delta };
        let way = match (mu, nesterov) {
            (0.0, _) if D == MOMENTUM_LEFT_OVER => Some(new),
            (0.0, _) => return ((self.rate != 1.0).then_some(phi - theta), new),
            (_, true) if D == OLD_BUFFER => Some(delta + mu * buffer),
            (_, true) => Some(delta + mu * new),
            (_, false) => Some(new),
        };
        (way.map(|way| way / unit), new)
    }
}

/// The mean of so many equal weights.
pub fn mean<const D: u8>(theta: f64, workers: usize) -> f64 {
    if D == MEAN_ROUNDS { (0..workers).map(|_| theta).sum::<f64>() / workers as f64 } else { theta }
}
