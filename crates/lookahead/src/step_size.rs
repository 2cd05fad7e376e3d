//! How far the slow weights go at a sync: a fixed alpha, the estimate of Prop. 1, or a step with momentum.

use std::borrow::Cow;

use crate::buffer::Slot;
use crate::error::accept;
use crate::inner_state::{adopt_zeros, buffers_fit, clone_in_place, counts_fit, zero_all};
use crate::kernels::{AlphaSums, AlphaTerms, Pass};
use crate::slow_weights::SlowWeights;
use crate::{Alpha, Buffer, Error, Float, Grads, OuterStep, ParamSet, Schedule, SecondMoment};

/// The slow weights' step size.
#[derive(Debug, Clone, PartialEq)]
pub enum StepSize {
    /// A given alpha for each outer step.
    Fixed(Schedule<Alpha>),
    /// Prop. 1's estimate, clipped (Sec. 2.1).
    Adaptive(Adaptive),
    /// A step with an outer learning rate and momentum, which the paper does not have.
    Outer(OuterStep),
}

impl Default for StepSize {
    fn default() -> Self {
        Self::Fixed(Alpha::default().into())
    }
}

/// The estimated optimal step size of Sec. 2.1: with `d = theta_0 - theta_k` and `g = grad L(theta_k)`,
/// `alpha = clip(1 + g.d / (d.A d), alpha_low, 1)`.
///
/// A is the inner optimizer's bias-corrected second moment (the diagonal empirical Fisher); where it keeps none, an
/// average of squared gradients kept beside the slow weights (4 bytes a weight in f32). `d.A d = 0` gives 1.
///
/// `alpha_low` is 0.5 by default (Fig. 2). Whether A is the second moment or its root, the paper does not say; the default is
/// the second moment.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct Adaptive {
    low: Alpha,
    curvature: CurvaturePower,
}

/// The power of the second moment that stands for the curvature.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum CurvaturePower {
    /// `A = v`, the empirical Fisher.
    #[default]
    SecondMoment,
    /// `A = sqrt(v)`, Adam's own preconditioner.
    Root,
}

impl CurvaturePower {
    /// The curvature for a bias-corrected second moment.
    #[must_use]
    pub fn of(self, second_moment: f64) -> f64 {
        match self {
            Self::SecondMoment => second_moment,
            Self::Root => second_moment.sqrt(),
        }
    }
}

/// An alpha, and whether it was clipped to its range.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ChosenAlpha {
    /// The step size.
    pub alpha: Alpha,
    /// Whether the estimate lay outside [`Adaptive::low`] to 1, or was no number.
    pub clipped: bool,
}

impl From<Alpha> for ChosenAlpha {
    /// One that was given.
    fn from(alpha: Alpha) -> Self {
        Self { alpha, clipped: false }
    }
}

impl Adaptive {
    /// alpha_low = 0.5, the second moment for the curvature.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the smallest alpha allowed.
    #[must_use]
    pub fn with_low(self, low: Alpha) -> Self {
        Self { low, ..self }
    }

    /// Sets what stands for the curvature.
    #[must_use]
    pub fn with_curvature(self, curvature: CurvaturePower) -> Self {
        Self { curvature, ..self }
    }

    /// The smallest alpha allowed.
    #[must_use]
    pub fn low(&self) -> Alpha {
        self.low
    }

    /// What stands for the curvature.
    #[must_use]
    pub fn curvature(&self) -> CurvaturePower {
        self.curvature
    }

    /// Prop. 1's estimate from its two sums.
    ///
    /// ```
    /// use lookahead::{Adaptive, kernels::AlphaSums};
    /// let chosen = Adaptive::default().choose(AlphaSums { slope: -0.25, curvature: 1.0 });
    /// assert_eq!((chosen.alpha.get(), chosen.clipped), (0.75, false));
    /// ```
    #[must_use]
    pub fn choose(&self, sums: AlphaSums) -> ChosenAlpha {
        if sums.curvature == 0.0 {
            return ChosenAlpha { alpha: Alpha::ONE, clipped: false };
        }
        // alpha = 1 + g.d / (d.A d)
        let estimate = 1.0 + sums.slope / sums.curvature;
        match Alpha::new(estimate) {
            Ok(alpha) if alpha >= self.low => ChosenAlpha { alpha, clipped: false },
            _ if estimate > 1.0 => ChosenAlpha { alpha: Alpha::ONE, clipped: true },
            _ => ChosenAlpha { alpha: self.low, clipped: true },
        }
    }
}

/// A bias-corrected average of squared gradients, for inner optimizers that keep none.
#[derive(Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(bound = "T: Float"))]
pub struct SquaredGradients<T> {
    averages: Vec<Buffer<T>>,
    weights: Vec<f64>,
    beta: f64,
}

clone_in_place!(SquaredGradients<T> { averages, weights, beta });

impl<T: Float> SquaredGradients<T> {
    /// An empty average with decay `beta` for each tensor.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless `0 <= beta < 1`.
    pub fn new(beta: f64) -> Result<Self, Error> {
        let beta = accept("beta", beta, (0.0..1.0).contains(&beta), "at least 0 and below 1")?;
        Ok(Self { averages: Vec::new(), weights: Vec::new(), beta })
    }

    /// The average that adaptive Lookahead keeps: decay 0.999.
    #[must_use]
    pub fn for_curvature() -> Self {
        Self { averages: Vec::new(), weights: Vec::new(), beta: 0.999 }
    }

    /// Starts an empty average for each tensor that has joined `params` since the last call.
    pub fn adopt(&mut self, params: &ParamSet<'_, T>) {
        adopt_zeros(&mut self.averages, params, Slot::Squares);
        self.weights.resize(self.averages.len(), 0.0);
    }

    /// `a <- beta a + (1 - beta) g^2` for each tensor with a gradient.
    pub fn observe(&mut self, grads: &Grads<'_, T>) {
        let Self { averages, weights, beta } = self;
        let beta = *beta;
        for (_, weight) in weights.iter_mut().enumerate().filter(|(index, _)| grads.get(*index).is_some()) {
            *weight = beta * *weight + (1.0 - beta);
        }
        let elements = averages.iter().map(|average| average.len()).sum();
        let tensors = averages.iter_mut().enumerate();
        let tensors = tensors.filter_map(|(index, average)| Some((&mut average[..], grads.get(index)?)));
        Pass::new().accumulate_all_squares(elements, tensors, beta);
    }

    /// Forgets all gradients.
    pub(crate) fn reset(&mut self) {
        zero_all(&mut self.averages);
        self.weights.fill(0.0);
    }

    /// The averages and their weights.
    #[must_use]
    pub fn second_moment(&self) -> SecondMoment<'_, T> {
        SecondMoment { values: &self.averages, weights: Cow::Borrowed(&self.weights) }
    }

    pub(crate) fn fits(&self, params: &ParamSet<'_, T>) -> Result<(), Error> {
        buffers_fit("an average of squared gradients", &self.averages, params)?;
        counts_fit("averaging weights", self.weights.len(), params)
    }
}

/// Prop. 1's sums over all tensors, in their order.
pub(crate) fn alpha_sums<T: Float>(
    slow: &SlowWeights<T>,
    params: &ParamSet<'_, T>,
    grads: &Grads<'_, T>,
    second: SecondMoment<'_, T>,
    power: CurvaturePower,
) -> AlphaSums {
    Pass::new().alpha_sums(params.len(), power, |index| {
        let weight = second.weights[index];
        let terms = AlphaTerms {
            slow: slow.tensor(index),
            fast: params.slice(index),
            gradient: grads.get(index),
            moments: &second.values[index],
            weight,
        };
        (weight > 0.0).then_some(terms)
    })
}
