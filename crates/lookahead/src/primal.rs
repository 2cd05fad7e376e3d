//! The hyperparameters of averages that train where they evaluate: Schedule-Free and generalized primal averaging.

#[cfg(feature = "serde")]
mod written;

use crate::error::{accept, accept_in_single};
use crate::kernels::primal::Coefficients;
use crate::{Describe, Description, Error};

/// How [`PrimalAveraged`](crate::PrimalAveraged) moves its average x, and where between x and z gradients are taken.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(tag = "kind", rename_all = "snake_case"))]
#[non_exhaustive]
pub enum PrimalAveraging {
    /// x is the mean of all z, weighted.
    ScheduleFree(ScheduleFree),
    /// x is an exponential average of z.
    Gpa(Gpa),
}

/// Schedule-Free (Defazio et al. 2024, [2405.15682](https://arxiv.org/abs/2405.15682)): `y = (1 - beta) z + beta x`, x
/// the mean of all z with the weights `w_t = t^r (largest gamma so far)^p`.
///
/// beta = 0.9, r = 0, p = 2, no warm-up and no weight decay unless said otherwise. The learning rate is given with each
/// step as always, and needs no schedule but `gamma min(1, t / warm_up)`. Weight decay acts at y,
/// `z <- z - gamma lambda y`; that of the inner optimizer, if it has any, on z.
///
/// Of a tensor that joins late, x is the mean of its own z; in a step in which it has no gradient none enters.
///
/// ```
/// use lookahead::ScheduleFree;
/// let warm = ScheduleFree::new().with_beta(0.95)?.with_warm_up(1000).with_weight_decay(0.1)?;
/// assert!(ScheduleFree::new().with_beta(0.0).is_err());
/// # Ok::<(), lookahead::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(try_from = "written::ScheduleFreeKeys"))]
pub struct ScheduleFree {
    beta: f64,
    power: f64,
    rate_power: f64,
    warm_up: u64,
    weight_decay: f64,
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    corrected: Option<f64>,
}

impl Default for ScheduleFree {
    fn default() -> Self {
        Self { beta: 0.9, power: 0.0, rate_power: 2.0, warm_up: 0, weight_decay: 0.0, corrected: None }
    }
}

/// No weight `t^r gamma^p` leaves the numbers then, for rates from 1e-10 to 1e10.
fn exponent(name: &'static str, value: f64) -> Result<f64, Error> {
    accept(name, value, (0.0..=10.0).contains(&value), "from 0 to 10")
}

/// How much of x is in y: with less of it rounding is seen in x.
fn part_of_x(name: &'static str, value: f64) -> Result<f64, Error> {
    accept(name, value, (0.01..=1.0).contains(&value), "at least 0.01 and at most 1")
}

fn not_negative(name: &'static str, value: f64) -> Result<f64, Error> {
    accept(name, value, value >= 0.0 && value.is_finite(), "finite and not negative")
}

impl ScheduleFree {
    /// The defaults of the paper's code.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets beta, the part of x in y.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless `0.01 <= beta <= 1`: with 0 x no longer follows from y and z. Where all weights are
    /// equal that is [`Averaging::Running`](crate::Averaging::Running). x is `z - (z - y) / beta`, so a small beta costs
    /// precision: each step rounds x by about the spacing of y's numbers over beta. After 1000 steps of SGD in f32 on a noisy
    /// quadratic x is off by 2e-6 of its size with 0.5, by 1e-4 with 0.01, and would be by 0.09 with 1e-5; without noise,
    /// where all comes to rest, by 3e-5, 1e-3 and 0.3.
    pub fn with_beta(self, beta: f64) -> Result<Self, Error> {
        Ok(Self { beta: part_of_x("beta", beta)?, ..self })
    }

    /// Sets r, by which later steps weigh more.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless from 0 to 10.
    pub fn with_power(self, r: f64) -> Result<Self, Error> {
        Ok(Self { power: exponent("power", r)?, ..self })
    }

    /// Sets p, by which steps at a higher learning rate weigh more.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless from 0 to 10.
    pub fn with_rate_power(self, p: f64) -> Result<Self, Error> {
        Ok(Self { rate_power: exponent("rate_power", p)?, ..self })
    }

    /// Sets the steps in which the learning rate rises to the one given.
    #[must_use]
    pub fn with_warm_up(self, steps: u64) -> Self {
        Self { warm_up: steps, ..self }
    }

    /// Sets the weight decay at y.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless finite and not negative.
    pub fn with_weight_decay(self, lambda: f64) -> Result<Self, Error> {
        Ok(Self { weight_decay: not_negative("weight_decay", lambda)?, ..self })
    }

    /// Counts Adam's correction of the second moment to the learning rate, `gamma sqrt(1 - beta2^t)`, in the weights of
    /// the mean and in the weight decay: the paper's AdamW (see
    /// [`family::schedule_free_adam_w`](crate::family::schedule_free_adam_w)).
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless `0 <= beta2 < 1`.
    pub fn with_corrected_rate(self, beta2: f64) -> Result<Self, Error> {
        Ok(Self {
            corrected: Some(accept("beta2", beta2, (0.0..1.0).contains(&beta2), "at least 0 and below 1")?),
            ..self
        })
    }

    /// The learning rate of step `step`, counted from 1: of the inner optimizer, and in the weights and the decay.
    fn rates(&self, lr: f64, step: u64) -> [f64; 2] {
        let risen = if self.warm_up > 0 { lr * (step as f64 / self.warm_up as f64).min(1.0) } else { lr };
        let correction = self.corrected.map_or(1.0, |beta2| (1.0 - beta2.powf(step as f64)).sqrt());
        [risen, risen * correction]
    }
}

/// Generalized primal averaging, GPA: `y = mu_y x + (1 - mu_y) z`, `x <- mu_x x + (1 - mu_x) z`.
///
/// mu_x = 0.9967, the memory of the average x, and mu_y = 0.7, how near to it gradients are taken, as in the authors'
/// code. Without weight decay it is DiLoCo's step with k = 1 and eta = 1 - mu where mu_x = mu_y = mu, and the heavy
/// ball's where mu_x = mu and mu_y = 1; with mu_x = 0 it is the inner optimizer.
///
/// The inner optimizer steps z, and so its weight decay acts on z, as the paper says. The authors' code has a decay
/// that departs from the paper's recursion: [`with_published_decay`](Self::with_published_decay).
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(try_from = "written::GpaKeys"))]
pub struct Gpa {
    mu_x: f64,
    mu_y: f64,
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    published_decay: Option<PublishedDecay>,
}

/// The weight decays of GPA's published code, with lambda.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum PublishedDecay {
    /// z shrinks by `1 - gamma lambda`, and x as if z had been as small before: the x that this implies is not the
    /// paper's.
    OnZ(f64),
    /// y shrinks by `1 - gamma lambda` (its option `use_wd_on_y`).
    OnY(f64),
}

impl Default for Gpa {
    fn default() -> Self {
        Self { mu_x: 0.9967, mu_y: 0.7, published_decay: None }
    }
}

impl Gpa {
    /// mu_x = 0.9967 and mu_y = 0.7.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets mu_x and mu_y.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless `0 <= mu_x < 1`, as the nearest f32 too, and `0.01 <= mu_y <= 1`: with `mu_y = 0` x
    /// no longer follows from y and z. That is the exponential average
    /// [that begins at theta_0](crate::Averaging::with_initial_weights). A small mu_y costs precision, as a small
    /// [beta of Schedule-Free](ScheduleFree::with_beta) does.
    pub fn with_coefficients(self, mu_x: f64, mu_y: f64) -> Result<Self, Error> {
        let mu_x = accept_in_single("mu_x", mu_x, |mu| (0.0..1.0).contains(&mu), "at least 0 and below 1")?;
        let mu_y = part_of_x("mu_y", mu_y)?;
        Ok(Self { mu_x, mu_y, ..self })
    }

    /// Decays weights as the published code does. The inner optimizer should then have no weight decay.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless lambda is finite and not negative.
    pub fn with_published_decay(self, decay: PublishedDecay) -> Result<Self, Error> {
        let (PublishedDecay::OnZ(lambda) | PublishedDecay::OnY(lambda)) = decay;
        not_negative("weight_decay", lambda)?;
        Ok(Self { published_decay: Some(decay), ..self })
    }
}

impl From<ScheduleFree> for PrimalAveraging {
    fn from(schedule_free: ScheduleFree) -> Self {
        Self::ScheduleFree(schedule_free)
    }
}

impl From<Gpa> for PrimalAveraging {
    fn from(gpa: Gpa) -> Self {
        Self::Gpa(gpa)
    }
}

/// The numbers of one step of all tensors, as [`PrimalAveraging::rates`] gives them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PrimalRates {
    /// The learning rate of the inner optimizer.
    pub inner: f64,
    /// How much the new z weighs in a mean of all z; 0 where x takes the same part of each.
    pub weight: f64,
    decay: f64,
    keep: [f64; 2],
}

/// For an engine of one's own: [`PrimalAveraged`](crate::PrimalAveraged) is the one over slices.
impl PrimalAveraging {
    /// The part of x in y, above 0.
    #[must_use]
    pub fn interpolation(&self) -> f64 {
        match self {
            Self::ScheduleFree(schedule_free) => schedule_free.beta,
            Self::Gpa(gpa) => gpa.mu_y,
        }
    }

    /// The numbers of step `step`, counted from 1, `largest` being the largest learning rate so far.
    pub fn rates(&self, lr: f64, step: u64, largest: &mut f64) -> PrimalRates {
        match self {
            Self::ScheduleFree(schedule_free) => {
                let [inner, rate] = schedule_free.rates(lr, step);
                *largest = largest.max(rate);
                let weight = (step as f64).powf(schedule_free.power) * largest.powf(schedule_free.rate_power);
                PrimalRates { inner, weight, decay: rate * schedule_free.weight_decay, keep: [1.0; 2] }
            }
            Self::Gpa(gpa) => {
                let keep = match gpa.published_decay {
                    None => [1.0; 2],
                    Some(PublishedDecay::OnZ(lambda)) => [1.0 - lr * lambda, 1.0],
                    Some(PublishedDecay::OnY(lambda)) => [1.0, 1.0 - lr * lambda],
                };
                PrimalRates { inner: lr, weight: 0.0, decay: 0.0, keep }
            }
        }
    }

    /// The numbers of one tensor that has a gradient, `sum` being that of the weights of its z, with the new one.
    #[must_use]
    pub fn coefficients(&self, rates: &PrimalRates, sum: f64) -> Coefficients<f64> {
        let weight = match self {
            Self::ScheduleFree(_) if sum > 0.0 => rates.weight / sum,
            Self::ScheduleFree(_) => 0.0,
            Self::Gpa(gpa) => 1.0 - gpa.mu_x,
        };
        Coefficients { interpolation: self.interpolation(), weight, decay: rates.decay, keep: rates.keep }
    }
}

impl Describe for PrimalAveraging {
    fn describe(&self) -> Description {
        match self {
            Self::ScheduleFree(ScheduleFree { beta, power, rate_power, warm_up, weight_decay, corrected }) => {
                Description::of("ScheduleFree")
                    .with_form("beta", *beta) // by which x follows from y and z
                    .with_form("power", *power) // what the weights in the mean so far are measured in
                    .with_form("rate_power", *rate_power)
                    .with("warm_up", *warm_up)
                    .with("weight_decay", *weight_decay)
                    .with("corrected_beta2", corrected.unwrap_or(0.0))
            }
            Self::Gpa(Gpa { mu_x, mu_y, published_decay }) => {
                let (on, lambda) = match published_decay {
                    None => ("none", 0.0),
                    Some(PublishedDecay::OnZ(lambda)) => ("z", *lambda),
                    Some(PublishedDecay::OnY(lambda)) => ("y", *lambda),
                };
                let gpa = Description::of("Gpa").with("mu_x", *mu_x).with_form("mu_y", *mu_y);
                gpa.with("published_decay", on).with("weight_decay", lambda)
            }
        }
    }
}
