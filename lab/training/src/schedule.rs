//! The learning rate of each step.

use lookahead_burn::ReduceOnPlateau;

use crate::Error;
use crate::config::{DecayConfig, ScheduleConfig};

/// The schedule of a run: warm-up, then decay. Only a plateau has a memory; it belongs in the checkpoint.
#[derive(Debug, Clone)]
pub struct LearningRate {
    config: ScheduleConfig,
    total_steps: u64,
    plateau: Option<ReduceOnPlateau>,
}

impl LearningRate {
    /// The schedule for a run of `total_steps` steps.
    ///
    /// # Errors
    /// [`Error::Optimizer`]; never for a configuration that was read from a file.
    pub fn new(config: &ScheduleConfig, total_steps: u64) -> Result<Self, Error> {
        let plateau = match config.decay {
            DecayConfig::Plateau { factor, patience } => {
                let plateau = ReduceOnPlateau::new(config.learning_rate)?.with_factor(factor)?;
                Some(plateau.with_patience(patience.get()))
            }
            _ => None,
        };
        Ok(Self { config: config.clone(), total_steps, plateau })
    }

    /// The learning rate of step `step`, in epoch `epoch`, both counted from 0.
    #[must_use]
    pub fn learning_rate(&self, step: u64, epoch: u32) -> f64 {
        let ScheduleConfig { learning_rate: base, warmup_steps: warmup, ref decay } = self.config;
        // t counts from 1.
        let t = step.saturating_add(1);
        let rate = match decay {
            DecayConfig::InverseSqrt { width, decay_from } => {
                // gamma d^-0.5 max(t, t_0)^-0.5
                let later = t.max(decay_from.get().into());
                base / (f64::from(width.get()) * later as f64).sqrt()
            }
            // The others begin to fall when the warm-up is over.
            _ if step < warmup => base,
            DecayConfig::Constant => base,
            DecayConfig::Cosine { final_fraction } => {
                let steps = self.total_steps.saturating_sub(warmup).max(1);
                let progress = (step - warmup) as f64 / steps as f64;
                let cosine = 0.5 * (1.0 + (std::f64::consts::PI * progress.min(1.0)).cos());
                base * (final_fraction + (1.0 - final_fraction) * cosine)
            }
            DecayConfig::Step { milestones, factor } => {
                let passed = milestones.iter().filter(|milestone| milestone.get() <= epoch).count();
                base * factor.powi(passed as i32)
            }
            DecayConfig::Plateau { .. } => self.plateau.as_ref().map_or(base, ReduceOnPlateau::learning_rate),
        };
        // The rise: t / warmup of it.
        if step < warmup { rate * t as f64 / warmup as f64 } else { rate }
    }

    /// Takes the validation loss of an evaluation.
    pub fn observe_validation_loss(&mut self, loss: f64) {
        if let Some(plateau) = &mut self.plateau {
            plateau.observe(loss);
        }
    }

    /// What the next rates depend on besides the step.
    #[must_use]
    pub fn memory(&self) -> Option<&ReduceOnPlateau> {
        self.plateau.as_ref()
    }

    /// Continues with the memory of a checkpoint.
    pub fn restore(&mut self, memory: Option<ReduceOnPlateau>) {
        if self.plateau.is_some() && memory.is_some() {
            self.plateau = memory;
        }
    }
}
