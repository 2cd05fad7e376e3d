//! How weights are averaged: Polyak's mean, running and exponential, and NT-ASGD (Merity et al. 2018).

use crate::error::accept;
use crate::{Describe, Description, Error};

/// When to average, and with which weights.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields))]
#[non_exhaustive]
pub enum Averaging {
    /// Polyak and Ruppert: the mean of all weights after step `start`; of a tensor that joins late, of all its own.
    Running {
        /// The first step (counted from 1) whose result enters the mean is `start + 1`.
        start: u64,
    },
    /// An exponential moving average from the first step on or from theta_0, of a tensor that joins late from its value then; see
    /// [`Averaging::exponential`] and [`Averaging::exponential_with_warm_up`].
    Exponential(Decay),
    /// NT-ASGD: the running mean from the moment the validation loss stalls; see [`NonMonotonicTrigger`].
    NonMonotonic {
        /// The trigger's n.
        patience: usize,
    },
}

/// How much of an exponential average stays at each step.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(try_from = "Unchecked"))]
pub struct Decay {
    decay: f64,
    warm_up: bool,
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    power: Option<PowerWarmUp>,
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "std::ops::Not::not"))]
    initial_weights: bool,
}

/// A decay that rises with the number s of weights in the mean, to its end value: `1 - (1 + s / gamma)^-power`, at
/// least `min_decay` (timm's ModelEmaV3).
///
/// gamma = 1, power = 2/3 and `min_decay` = 0 unless said otherwise: an end value of 0.9999 is reached after a million
/// steps, with a power of 3/4 after 215,000. The first `update_after_step + 1` weights replace the mean; 0 by default.
///
/// ```
/// use lookahead::{Averaging, PowerWarmUp};
/// let warm_up = PowerWarmUp::new().with_gamma(3.0)?.with_power(0.5)?;
/// let warm = Averaging::exponential_with_power_warm_up(0.7, warm_up)?;
/// assert_eq!([1, 10, 100].map(|step| warm.weight_of(step, step)), [1.0, 0.5, 1.0 - 0.7]);
/// # Ok::<(), lookahead::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(try_from = "UncheckedPower"))]
pub struct PowerWarmUp {
    gamma: f64,
    power: f64,
    min_decay: f64,
    update_after_step: u64,
}

impl Default for PowerWarmUp {
    fn default() -> Self {
        Self { gamma: 1.0, power: 2.0 / 3.0, min_decay: 0.0, update_after_step: 0 }
    }
}

impl PowerWarmUp {
    /// timm's defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets gamma: how many weights the decay takes to begin to rise.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless above 0 and finite.
    pub fn with_gamma(self, gamma: f64) -> Result<Self, Error> {
        let ok = gamma > 0.0 && gamma.is_finite();
        Ok(Self { gamma: accept("gamma", gamma, ok, "above 0 and finite")?, ..self })
    }

    /// Sets the power.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless above 0 and finite.
    pub fn with_power(self, power: f64) -> Result<Self, Error> {
        let ok = power > 0.0 && power.is_finite();
        Ok(Self { power: accept("power", power, ok, "above 0 and finite")?, ..self })
    }

    /// Sets the least decay, once there is one.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless `0 <= decay < 1`.
    pub fn with_min_decay(self, decay: f64) -> Result<Self, Error> {
        let min_decay = accept("min_decay", decay, (0.0..1.0).contains(&decay), "at least 0 and below 1")?;
        Ok(Self { min_decay, ..self })
    }

    /// Sets after how many steps there is a mean.
    #[must_use]
    pub fn with_update_after_step(self, steps: u64) -> Self {
        Self { update_after_step: steps, ..self }
    }

    /// The decay when `count` weights have been there, on the way to `end`.
    fn after(self, count: u64, end: f64) -> f64 {
        match count.saturating_sub(self.update_after_step) {
            0 => 0.0,
            s => (1.0 - (1.0 + s as f64 / self.gamma).powf(-self.power)).min(end).max(self.min_decay),
        }
    }
}

/// A [`PowerWarmUp`] as it is read.
#[cfg(feature = "serde")]
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct UncheckedPower {
    gamma: Option<f64>,
    power: Option<f64>,
    min_decay: Option<f64>,
    #[serde(default)]
    update_after_step: u64,
}

#[cfg(feature = "serde")]
impl TryFrom<UncheckedPower> for PowerWarmUp {
    type Error = Error;
    fn try_from(read: UncheckedPower) -> Result<Self, Error> {
        let default = Self::new().with_update_after_step(read.update_after_step);
        let with_gamma = default.with_gamma(read.gamma.unwrap_or(default.gamma))?;
        let with_power = with_gamma.with_power(read.power.unwrap_or(default.power))?;
        with_power.with_min_decay(read.min_decay.unwrap_or(default.min_decay))
    }
}

/// A [`Decay`] as it is read.
#[cfg(feature = "serde")]
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Unchecked {
    decay: f64,
    #[serde(default)]
    warm_up: bool,
    power: Option<PowerWarmUp>,
    #[serde(default)]
    initial_weights: bool,
}

#[cfg(feature = "serde")]
impl TryFrom<Unchecked> for Decay {
    type Error = Error;
    fn try_from(read: Unchecked) -> Result<Self, Error> {
        let decay = match read.power {
            Some(warm_up) => {
                accept("warm_up", f64::from(read.warm_up), !read.warm_up, "false (0) beside `power`, another warm-up")?;
                Self::rising(read.decay, warm_up)
            }
            None => Self::new(read.decay, read.warm_up),
        };
        Ok(Self { initial_weights: read.initial_weights, ..decay? })
    }
}

impl Decay {
    fn new(decay: f64, warm_up: bool) -> Result<Self, Error> {
        let decay = accept("decay", decay, (0.0..1.0).contains(&decay), "at least 0 and below 1")?;
        Ok(Self { decay, warm_up, power: None, initial_weights: false })
    }

    fn rising(decay: f64, warm_up: PowerWarmUp) -> Result<Self, Error> {
        let decay = accept("decay", decay, (0.0..=1.0).contains(&decay), "from 0 to 1")?;
        accept("min_decay", warm_up.min_decay, warm_up.min_decay <= decay, "at most the decay")?;
        Ok(Self { decay, warm_up: false, power: Some(warm_up), initial_weights: false })
    }

    /// The part of a mean of `count` weights that stays when the next one enters.
    fn after(self, count: u64) -> f64 {
        if let Some(power) = self.power {
            return power.after(count, self.decay);
        }
        let n = count as f64;
        if self.warm_up { self.decay.min((1.0 + n) / (10.0 + n)) } else { self.decay }
    }
}

impl Describe for Averaging {
    fn describe(&self) -> Description {
        let averaged = Description::of("Averaged");
        match self {
            Self::Running { start } => averaged.with("average", "running").with("start", *start),
            Self::Exponential(Decay { decay, warm_up, power, initial_weights }) => {
                let exponential = averaged.with("average", "exponential").with("decay", *decay);
                let exponential = exponential.with_new("warm_up", *warm_up, false);
                let exponential = match initial_weights {
                    true => exponential.with_new("initial_weights", true, false),
                    false => exponential, // what is new is described where it is used
                };
                let Some(power) = power else { return exponential };
                exponential
                    .with_new("warm_up_power", power.power, 0.0)
                    .with("warm_up_gamma", power.gamma)
                    .with("min_decay", power.min_decay)
                    .with("update_after_step", power.update_after_step)
            }
            Self::NonMonotonic { patience } => {
                averaged.with("average", "non_monotonic").with("patience", *patience as u64)
            }
        }
    }
}

impl Averaging {
    /// `mean <- decay mean + (1 - decay) theta`, starting at the weights after the first step, or at theta_0:
    /// [`with_initial_weights`](Self::with_initial_weights).
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless `0 <= decay < 1`.
    pub fn exponential(decay: f64) -> Result<Self, Error> {
        Decay::new(decay, false).map(Self::Exponential)
    }

    /// An exponential average whose decay begins small, so that it soon forgets the first weights: with n weights in
    /// the mean, `min(decay, (1 + n) / (10 + n))`. A decay of 0.999 is reached after 8990 steps, one of 0.9 after 80.
    ///
    /// ```
    /// use lookahead::Averaging;
    /// let warm = Averaging::exponential_with_warm_up(0.9)?;
    /// let weights = [1, 2, 3, 80, 81, 82].map(|step| warm.weight_of(step, step));
    /// assert_eq!(weights, [1.0, 1.0 - 2.0 / 11.0, 1.0 - 3.0 / 12.0, 1.0 - 80.0 / 89.0, 1.0 - 0.9, 1.0 - 0.9]);
    /// # Ok::<(), lookahead::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless `0 <= decay < 1`.
    pub fn exponential_with_warm_up(decay: f64) -> Result<Self, Error> {
        Decay::new(decay, true).map(Self::Exponential)
    }

    /// An exponential average whose decay rises as [`PowerWarmUp`] says, to at most `decay`. A `decay` of 1 with gamma
    /// = power = 1 is the running mean.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless `0 <= decay <= 1`, and `min_decay <= decay`.
    pub fn exponential_with_power_warm_up(decay: f64, warm_up: PowerWarmUp) -> Result<Self, Error> {
        Decay::rising(decay, warm_up).map(Self::Exponential)
    }

    /// Begins an exponential average at theta_0, which then counts among its weights: the first step does not replace the
    /// mean, but those of [`PowerWarmUp::with_update_after_step`] do. With a constant decay e after t steps is `decay^t theta_0 + (1 - decay) sum over j = 1..t of decay^(t-j) theta_j`, as timm
    /// has it without a step; with [a warm-up](Self::exponential_with_warm_up) the decay of step t, counted from 1, is
    /// `min(decay, (1 + t) / (10 + t))`, TensorFlow's form. The averages of other kinds stay as they are.
    ///
    /// ```
    /// use lookahead::Averaging;
    /// let constant = Averaging::exponential(0.9)?.with_initial_weights();
    /// assert_eq!([1, 2, 100].map(|step| constant.weight_of(step, step)), [1.0 - 0.9; 3]);
    /// let warm = Averaging::exponential_with_warm_up(0.9)?.with_initial_weights();
    /// let weights = [1.0 - 2.0 / 11.0, 1.0 - 3.0 / 12.0, 1.0 - 0.9];
    /// assert_eq!([1, 2, 80].map(|step| warm.weight_of(step, step)), weights);
    /// # Ok::<(), lookahead::Error>(())
    /// ```
    #[must_use]
    pub fn with_initial_weights(self) -> Self {
        match self {
            Self::Exponential(decay) => Self::Exponential(Decay { initial_weights: true, ..decay }),
            other => other,
        }
    }

    /// How far the mean of a tensor moves toward its weights in step `step` of a run, when they enter it as number
    /// `count`, both counted from 1.
    #[must_use]
    pub fn weight_of(&self, step: u64, count: u64) -> f64 {
        match self {
            Self::Exponential(decay) if decay.initial_weights => 1.0 - decay.after(count),
            Self::Exponential(decay) if step > 1 => 1.0 - decay.after(count.saturating_sub(1)),
            Self::Exponential(_) => 1.0,
            Self::Running { .. } | Self::NonMonotonic { .. } => 1.0 / count as f64,
        }
    }

    /// Whether the result of step `step` (counted from 1) enters the mean.
    #[must_use]
    pub fn includes(&self, step: u64, trigger: &NonMonotonicTrigger) -> bool {
        match self {
            Self::Running { start } => step > *start,
            Self::Exponential(_) => true,
            Self::NonMonotonic { .. } => trigger.has_fired(),
        }
    }
}

/// Merity et al.'s trigger: fires once the validation loss is above the best of all but the last n checks before it.
///
/// ```
/// use lookahead::NonMonotonicTrigger;
/// let mut trigger = NonMonotonicTrigger::default();
/// let fired: Vec<bool> = [5.0, 4.0, 4.5, 4.2].iter().map(|&loss| trigger.observe(loss, 1)).collect();
/// assert_eq!(fired, [false, false, false, true]);     // 4.2 is above 4.0, the best but for the last one (4.5)
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct NonMonotonicTrigger {
    losses: Vec<f64>,
    fired: bool,
}

impl NonMonotonicTrigger {
    /// Takes the next validation loss, with n = `patience`, and says whether the trigger has fired by now.
    pub fn observe(&mut self, loss: f64, patience: usize) -> bool {
        // t > n and loss_t > min over losses before the last n
        let before = self.losses.len().saturating_sub(patience);
        self.fired |= self.losses[..before].iter().any(|&best| loss > best);
        self.losses.push(loss);
        self.fired
    }

    /// The validation losses so far, in order.
    #[must_use]
    pub fn losses(&self) -> &[f64] {
        &self.losses
    }

    /// A trigger as a record describes it.
    #[must_use]
    pub fn restore(losses: Vec<f64>, fired: bool) -> Self {
        Self { losses, fired }
    }

    /// Whether it has fired.
    #[must_use]
    pub fn has_fired(&self) -> bool {
        self.fired
    }
}
