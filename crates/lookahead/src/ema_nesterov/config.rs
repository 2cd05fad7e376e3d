//! The hyperparameters of EMA-Nesterov, and how they read as text.

use crate::error::{accept, accept_in_single};
use crate::kernels::look_ahead::Coefficients;
use crate::{Describe, Description, Error};

/// How far [`EmaNesterov`](crate::EmaNesterov) looks ahead, along which average of the steps, and when.
///
/// beta = 0.3 and gamma = 0.99, from the second step on and to the end, unless said otherwise: the values of the records
/// on modded-nanogpt without their window ([`family::ema_nesterov_of_the_speedrun`] has that). The class there
/// looks ahead by 0 unless told otherwise.
///
/// ```
/// use lookahead::EmaNesterovConfig;
/// let config = EmaNesterovConfig::new().with_beta(0.6)?.with_gamma(0.9)?.with_prefill(500)?.with_rest(2400)?;
/// assert!(config.with_beta(1.0).is_err() && config.with_rest(500).is_err());
/// assert_eq!([499, 500, 2399, 2400].map(|steps| config.beta_after(steps, 0.1)), [0.0, 0.6, 0.6, 0.0]);
/// # Ok::<(), lookahead::Error>(())
/// ```
///
/// [`family::ema_nesterov_of_the_speedrun`]: crate::family::ema_nesterov_of_the_speedrun
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(try_from = "Keys"))]
pub struct EmaNesterovConfig {
    beta: f64,
    gamma: f64,
    prefill: u64,
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    rest: Option<u64>,
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    reference_rate: Option<f64>,
}

impl Default for EmaNesterovConfig {
    fn default() -> Self {
        Self { beta: 0.3, gamma: 0.99, prefill: 0, rest: None, reference_rate: None }
    }
}

fn below_one(name: &'static str, value: f64) -> Result<f64, Error> {
    accept_in_single(name, value, |value| (0.0..1.0).contains(&value), "at least 0 and below 1")
}

impl EmaNesterovConfig {
    /// beta = 0.3, gamma = 0.99, no window.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets beta, how many mean steps it looks ahead. With 0 it is the inner optimizer, bit for bit.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless `0 <= beta < 1`, as the nearest f32 too: from 1 on m does not shrink where the gradient is 0.
    pub fn with_beta(self, beta: f64) -> Result<Self, Error> {
        Ok(Self { beta: below_one("beta", beta)?, ..self })
    }

    /// Sets gamma, the memory of the average m of the steps. With 0 around SGD it is Nesterov's momentum beta.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless `0 <= gamma < 1`, as the nearest f32 too.
    pub fn with_gamma(self, gamma: f64) -> Result<Self, Error> {
        Ok(Self { gamma: below_one("gamma", gamma)?, ..self })
    }

    /// Sets how many steps are taken before the first that looks ahead; m averages them too.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless below the step from which on it rests.
    pub fn with_prefill(self, steps: u64) -> Result<Self, Error> {
        accept("prefill", steps as f64, self.rest.is_none_or(|rest| steps < rest), "below rest")?;
        Ok(Self { prefill: steps, ..self })
    }

    /// Sets after how many steps it no longer looks ahead.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless above the steps of the prefill.
    pub fn with_rest(self, steps: u64) -> Result<Self, Error> {
        accept("rest", steps as f64, steps > self.prefill, "above prefill")?;
        Ok(Self { rest: Some(steps), ..self })
    }

    /// Lets beta follow the learning rate: times that of the step before, over `rate`. So in the records, with the
    /// largest one for `rate`.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless above 0 and finite.
    pub fn with_reference_rate(self, rate: f64) -> Result<Self, Error> {
        let ok = rate > 0.0 && rate.is_finite();
        Ok(Self { reference_rate: Some(accept("reference_rate", rate, ok, "above 0 and finite")?), ..self })
    }

    /// For an engine of one's own: by how much the weights look ahead after `steps` steps, the last one at `lr`.
    #[must_use]
    pub fn beta_after(&self, steps: u64, lr: f64) -> f64 {
        let looks = steps >= self.prefill && self.rest.is_none_or(|rest| steps < rest);
        if looks { self.beta * self.reference_rate.map_or(1.0, |rate| lr / rate) } else { 0.0 }
    }

    /// For an engine of one's own: the numbers of a step from weights that look ahead by `now` to such that do by `next`.
    #[must_use]
    pub fn coefficients(&self, now: f64, next: f64) -> Coefficients<f64> {
        Coefficients { before: now + self.gamma / (1.0 - self.gamma), weight: 1.0 - self.gamma, beta: next }
    }
}

impl Describe for EmaNesterovConfig {
    fn describe(&self) -> Description {
        let Self { beta, gamma, prefill, rest, reference_rate } = *self;
        let described = Description::of("EmaNesterov").with("beta", beta).with("gamma", gamma).with("prefill", prefill);
        let described = match rest {
            Some(rest) => described.with("rest", rest),
            None => described.with("rest", "never"),
        };
        described.with("reference_rate", reference_rate.unwrap_or(0.0))
    }
}

/// An [`EmaNesterovConfig`] as it is read: each key has its default where it is left out, and is checked.
#[cfg(feature = "serde")]
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    beta: Option<f64>,
    gamma: Option<f64>,
    #[serde(default)]
    prefill: u64,
    rest: Option<u64>,
    reference_rate: Option<f64>,
}

#[cfg(feature = "serde")]
impl TryFrom<Keys> for EmaNesterovConfig {
    type Error = Error;
    fn try_from(keys: Keys) -> Result<Self, Error> {
        let default = Self::new().with_prefill(keys.prefill)?;
        let config = default.with_beta(keys.beta.unwrap_or(default.beta))?;
        let config = config.with_gamma(keys.gamma.unwrap_or(default.gamma))?;
        let config = keys.rest.map_or(Ok(config), |rest| config.with_rest(rest))?;
        keys.reference_rate.map_or(Ok(config), |rate| config.with_reference_rate(rate))
    }
}
