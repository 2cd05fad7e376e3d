//! A learning rate that falls when a metric stops improving, as PyTorch's `ReduceLROnPlateau` defines it.

#[cfg(feature = "serde")]
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Error;

/// Which way the metric of [`ReduceOnPlateau`] improves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum PlateauMode {
    /// Downward, as a loss does.
    #[default]
    Min,
    /// Upward, as an accuracy does.
    Max,
}

/// By how much a metric must beat the best one so far to count as better.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum PlateauThreshold {
    /// By this share of the best value.
    Relative(f64),
    /// By this much.
    Absolute(f64),
}

/// A learning rate that is multiplied by a factor when a metric has not improved for more than `patience` observations.
///
/// A plain value without a clock or a device: save it with serde beside the checkpoint, and it goes on where it was.
/// Defaults (PyTorch's): metric falling, factor 0.1, patience 10, threshold relative 1e-4, cooldown 0, least learning
/// rate 0, epsilon 1e-8.
///
/// To combine it with one of Burn's schedulers, start it at 1 and multiply:
///
/// ```
/// use burn::lr_scheduler::cosine::CosineAnnealingLrSchedulerConfig;
/// use lookahead_burn::ReduceOnPlateau;
///
/// let mut cosine = CosineAnnealingLrSchedulerConfig::new(0.1, 1000).init().expect("a valid schedule");
/// let mut plateau = ReduceOnPlateau::new(1.0)?.with_factor(0.5)?.with_patience(1);
/// for validation_loss in [2.0, 1.0, 1.1, 1.2] {
///     let lr = cosine.step().base() * plateau.learning_rate();       // of each step of the epoch
///     assert!(lr > 0.09);
///     plateau.observe(validation_loss);
/// }
/// assert_eq!(plateau.learning_rate(), 0.5);
/// # Ok::<(), lookahead_burn::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
#[cfg_attr(feature = "serde", serde(remote = "Self", deny_unknown_fields))]
pub struct ReduceOnPlateau {
    mode: PlateauMode,
    factor: f64,
    patience: u32,
    threshold: PlateauThreshold,
    cooldown: u32,
    min_learning_rate: f64,
    epsilon: f64,
    learning_rate: f64,
    // None before the first finite metric.
    best: Option<f64>,
    bad_observations: u32,
    cooldown_left: u32,
}

impl ReduceOnPlateau {
    /// Starts at `learning_rate`, with PyTorch's defaults.
    ///
    /// # Errors
    /// [`lookahead::Error::OutOfRange`] unless above 0 and finite.
    pub fn new(learning_rate: f64) -> Result<Self, Error> {
        Self {
            mode: PlateauMode::Min,
            factor: 0.1,
            patience: 10,
            threshold: PlateauThreshold::Relative(1e-4),
            cooldown: 0,
            min_learning_rate: 0.0,
            epsilon: 1e-8,
            learning_rate,
            best: None,
            bad_observations: 0,
            cooldown_left: 0,
        }
        .checked()
    }

    /// Sets which way the metric improves.
    #[must_use]
    pub fn with_mode(self, mode: PlateauMode) -> Self {
        Self { mode, ..self }
    }

    /// Sets what a reduction multiplies the learning rate by.
    ///
    /// # Errors
    /// [`lookahead::Error::OutOfRange`] unless above 0 and below 1.
    pub fn with_factor(self, factor: f64) -> Result<Self, Error> {
        Self { factor, ..self }.checked()
    }

    /// Sets how many observations in a row may fail to improve before the next one reduces.
    #[must_use]
    pub fn with_patience(self, patience: u32) -> Self {
        Self { patience, ..self }
    }

    /// Sets by how much a metric must beat the best one.
    ///
    /// # Errors
    /// [`lookahead::Error::OutOfRange`] unless at least 0 and finite.
    pub fn with_threshold(self, threshold: PlateauThreshold) -> Result<Self, Error> {
        Self { threshold, ..self }.checked()
    }

    /// Sets for how many observations after a reduction none is counted as bad.
    #[must_use]
    pub fn with_cooldown(self, cooldown: u32) -> Self {
        Self { cooldown, ..self }
    }

    /// Sets the least learning rate.
    ///
    /// # Errors
    /// [`lookahead::Error::OutOfRange`] unless at least 0 and finite.
    pub fn with_min_learning_rate(self, min_learning_rate: f64) -> Result<Self, Error> {
        Self { min_learning_rate, ..self }.checked()
    }

    /// Sets the change of the learning rate that is too small to be made.
    ///
    /// # Errors
    /// [`lookahead::Error::OutOfRange`] unless at least 0 and finite.
    pub fn with_epsilon(self, epsilon: f64) -> Result<Self, Error> {
        Self { epsilon, ..self }.checked()
    }

    /// The learning rate now.
    #[must_use]
    pub fn learning_rate(&self) -> f64 {
        self.learning_rate
    }

    /// The best metric so far; `None` before the first finite one.
    #[must_use]
    pub fn best(&self) -> Option<f64> {
        self.best
    }

    /// Takes the metric of one evaluation, and gives the learning rate to use from then on.
    ///
    /// A metric that is not finite counts as no improvement.
    pub fn observe(&mut self, metric: f64) -> f64 {
        if self.improves(metric) {
            self.best = Some(metric);
            self.bad_observations = 0;
        } else {
            self.bad_observations = self.bad_observations.saturating_add(1);
        }
        if self.cooldown_left > 0 {
            self.cooldown_left -= 1;
            self.bad_observations = 0;
        }
        if self.bad_observations > self.patience {
            let reduced = (self.learning_rate * self.factor).max(self.min_learning_rate);
            if self.learning_rate - reduced > self.epsilon {
                self.learning_rate = reduced;
            }
            self.cooldown_left = self.cooldown;
            self.bad_observations = 0;
        }
        self.learning_rate
    }

    fn improves(&self, metric: f64) -> bool {
        let Some(best) = self.best else { return metric.is_finite() };
        let (relative, absolute) = match self.threshold {
            PlateauThreshold::Relative(share) => (share, 0.0),
            PlateauThreshold::Absolute(difference) => (0.0, difference),
        };
        metric.is_finite()
            && match self.mode {
                PlateauMode::Min => metric < best * (1.0 - relative) - absolute,
                PlateauMode::Max => metric > best * (1.0 + relative) + absolute,
            }
    }

    fn checked(self) -> Result<Self, Error> {
        const NOT_NEGATIVE: &str = "at least 0 and finite";
        let not_negative = |value: f64| value >= 0.0 && value.is_finite();
        let (PlateauThreshold::Relative(threshold) | PlateauThreshold::Absolute(threshold)) = self.threshold;
        let (rate, factor) = (self.learning_rate, self.factor);
        let ranges = [
            ("learning_rate", rate, rate > 0.0 && rate.is_finite(), "above 0 and finite"),
            ("factor", factor, factor > 0.0 && factor < 1.0, "above 0 and below 1"),
            ("threshold", threshold, not_negative(threshold), NOT_NEGATIVE),
            ("min_learning_rate", self.min_learning_rate, not_negative(self.min_learning_rate), NOT_NEGATIVE),
            ("epsilon", self.epsilon, not_negative(self.epsilon), NOT_NEGATIVE),
        ];
        match ranges.into_iter().find(|(_, _, ok, _)| !ok) {
            Some((name, value, _, accepted)) => Err(lookahead::Error::OutOfRange { name, value, accepted }.into()),
            None => Ok(self),
        }
    }
}

// The derived (de)serialization stands under the type's own name (`remote = "Self"`), so that what is read is checked.
#[cfg(feature = "serde")]
impl Serialize for ReduceOnPlateau {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, serializer)
    }
}

#[cfg(feature = "serde")]
impl<'de> Deserialize<'de> for ReduceOnPlateau {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::deserialize(deserializer)?.checked().map_err(serde::de::Error::custom)
    }
}
