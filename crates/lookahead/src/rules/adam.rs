//! Adam (Kingma and Ba) and AdamW (Loshchilov and Hutter).

use crate::buffer::Slot;
use crate::error::accept;
use crate::inner_state::{adopt_zeros, buffers_fit, clone_in_place, counts_fit, interpolate_all, zero_all};
use crate::kernels::{Pass, Task, adam, interpolate_scalar};
use crate::{
    Alpha, Buffer, Cadence, Describe, Description, Error, Float, Grads, InnerState, Optimizer, ParamSet, PullBack,
    SecondMoment,
};

/// What Adam and AdamW share: `beta_1 = 0.9`, `beta_2 = 0.999`, `epsilon = 1e-8`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamHyperparameters {
    beta1: f64,
    beta2: f64,
    epsilon: f64,
    weight_decay: f64,
    decoupled: bool,
    epsilon_is_hat: bool,
}

impl AdamHyperparameters {
    /// One step of all tensors, the moments being `[m, v]`, and their syncs. Gives the number of elements refused as not
    /// finite.
    ///
    /// # Panics
    /// If the slices of a task differ in length.
    pub fn pass<'a, T: Float>(
        &self,
        elements: usize,
        tasks: impl Iterator<Item = Task<'a, T, adam::Coefficients<T>, 2>> + Send,
    ) -> usize {
        Pass::new().step(elements, tasks, adam::step)
    }
}

/// The sums of the averaging weights, `w <- beta w + (1 - beta)`: dividing the moments by them corrects their bias.
///
/// Without interpolation they are `1 - beta^t`. Under "interpolate" they move with their moments, so that a corrected
/// moment stays an average.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct BiasCorrection {
    /// `w_1`, of the first moment.
    pub first: f64,
    /// `w_2`, of the second moment.
    pub second: f64,
}

impl BiasCorrection {
    /// Moves both toward `anchor`, as their moments do.
    pub fn pull_back(&mut self, anchor: &Self, alpha: Alpha) {
        self.first = interpolate_scalar(self.first, anchor.first, alpha);
        self.second = interpolate_scalar(self.second, anchor.second, alpha);
    }
}

impl AdamHyperparameters {
    /// Whether the weight decay is AdamW's, apart from the gradient.
    #[must_use]
    pub fn is_decoupled(&self) -> bool {
        self.decoupled
    }

    /// The weight decay lambda.
    #[must_use]
    pub fn weight_decay(&self) -> f64 {
        self.weight_decay
    }

    /// Counts one step: `w <- beta w + (1 - beta)`.
    pub fn advance(&self, correction: &mut BiasCorrection) {
        correction.first = self.beta1 * correction.first + (1.0 - self.beta1);
        correction.second = self.beta2 * correction.second + (1.0 - self.beta2);
    }

    /// The numbers of one step, after [`advance`](Self::advance).
    #[must_use]
    pub fn coefficients<T: Float>(&self, lr: f64, correction: BiasCorrection) -> adam::Coefficients<T> {
        let (coupled, keep) =
            if self.decoupled { (0.0, 1.0 - lr * self.weight_decay) } else { (self.weight_decay, 1.0) };
        let inverse_root = 1.0 / correction.second.sqrt();
        let epsilon = if self.epsilon_is_hat { self.epsilon * inverse_root } else { self.epsilon };
        adam::Coefficients {
            first_rest: T::from_f64(1.0 - self.beta1),
            beta2: T::from_f64(self.beta2),
            second_rest: T::from_f64(1.0 - self.beta2),
            step_size: T::from_f64(lr / correction.first),
            inverse_root: T::from_f64(inverse_root),
            epsilon: T::from_f64(epsilon),
            coupled_decay: T::from_f64(coupled),
            keep: T::from_f64(keep),
        }
    }
}

/// The moments of each tensor, their bias corrections, and the number of steps.
#[derive(Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(bound = "T: Float"))]
pub struct AdamState<T> {
    first: Vec<Buffer<T>>,
    second: Vec<Buffer<T>>,
    corrections: Vec<BiasCorrection>,
    steps: Vec<u64>,
}

clone_in_place!(AdamState<T> { first, second, corrections, steps });

impl<T: Float> AdamState<T> {
    fn moments(&mut self) -> impl Iterator<Item = [&mut [T]; 2]> + Send {
        self.first.iter_mut().zip(&mut self.second).map(|(first, second)| [&mut first[..], &mut second[..]])
    }

    fn pull_back_corrections(&mut self, anchor: &Self, alpha: Alpha) {
        for (correction, anchor) in self.corrections.iter_mut().zip(&anchor.corrections) {
            correction.pull_back(anchor, alpha);
        }
    }
}

impl<T: Float> InnerState<T> for AdamState<T> {
    fn adopt(&mut self, params: &ParamSet<'_, T>) {
        adopt_zeros(&mut self.first, params, Slot::FirstMoment);
        adopt_zeros(&mut self.second, params, Slot::SecondMoment);
        self.corrections.resize(params.len(), BiasCorrection::default());
        self.steps.resize(params.len(), 0);
    }

    fn pull_back(&mut self, anchor: &Self, alpha: Alpha) {
        interpolate_all(&mut self.first, &anchor.first, alpha);
        interpolate_all(&mut self.second, &anchor.second, alpha);
        self.pull_back_corrections(anchor, alpha);
    }

    fn fits(&self, params: &ParamSet<'_, T>) -> Result<(), Error> {
        buffers_fit("the first moment", &self.first, params)?;
        buffers_fit("the second moment", &self.second, params)?;
        counts_fit("bias corrections", self.corrections.len(), params)?;
        counts_fit("step counters", self.steps.len(), params)
    }
}

macro_rules! adam_rule {
    ($(#[$doc:meta])* $name:ident, weight_decay: $decay:literal, decoupled: $decoupled:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq)]
        pub struct $name(AdamHyperparameters);

        impl Default for $name {
            fn default() -> Self {
                Self(AdamHyperparameters {
                    beta1: 0.9,
                    beta2: 0.999,
                    epsilon: 1e-8,
                    weight_decay: $decay,
                    decoupled: $decoupled,
                    epsilon_is_hat: false,
                })
            }
        }

        impl $name {
            /// PyTorch's defaults.
            #[must_use]
            pub fn new() -> Self {
                Self::default()
            }

            /// The decay rates of the two moments.
            ///
            /// # Errors
            /// [`Error::OutOfRange`] unless both are at least 0 and below 1.
            pub fn with_betas(self, beta1: f64, beta2: f64) -> Result<Self, Error> {
                let beta1 = accept("beta1", beta1, (0.0..1.0).contains(&beta1), "at least 0 and below 1")?;
                let beta2 = accept("beta2", beta2, (0.0..1.0).contains(&beta2), "at least 0 and below 1")?;
                Ok(Self(AdamHyperparameters { beta1, beta2, ..self.0 }))
            }

            /// The term added to the denominator.
            ///
            /// # Errors
            /// [`Error::OutOfRange`] unless finite and not negative.
            pub fn with_epsilon(self, epsilon: f64) -> Result<Self, Error> {
                let ok = epsilon >= 0.0 && epsilon.is_finite();
                let epsilon = accept("epsilon", epsilon, ok, "finite and not negative")?;
                Ok(Self(AdamHyperparameters { epsilon, epsilon_is_hat: false, ..self.0 }))
            }

            /// The term added to the root of the second moment before its bias is corrected: epsilon-hat in the
            /// efficient form of Kingma and Ba, Sec. 2. In place of the one that is added after it.
            ///
            /// # Errors
            /// [`Error::OutOfRange`] unless finite and not negative.
            pub fn with_epsilon_hat(self, epsilon: f64) -> Result<Self, Error> {
                Ok(Self(AdamHyperparameters { epsilon_is_hat: true, ..self.with_epsilon(epsilon)?.0 }))
            }

            /// The weight decay lambda.
            ///
            /// # Errors
            /// [`Error::OutOfRange`] unless finite and not negative.
            pub fn with_weight_decay(self, lambda: f64) -> Result<Self, Error> {
                let ok = lambda >= 0.0 && lambda.is_finite();
                let weight_decay = accept("weight_decay", lambda, ok, "finite and not negative")?;
                Ok(Self(AdamHyperparameters { weight_decay, ..self.0 }))
            }

            /// The hyperparameters, for an engine of one's own.
            #[must_use]
            pub fn hyperparameters(&self) -> &AdamHyperparameters {
                &self.0
            }
        }

        impl Cadence for $name {}

        impl Describe for $name {
            fn describe(&self) -> Description {
                let AdamHyperparameters { beta1, beta2, epsilon, weight_decay, decoupled: _, epsilon_is_hat } = self.0;
                let adam = Description::of(stringify!($name))
                    .with("beta1", beta1)
                    .with("beta2", beta2)
                    .with("epsilon", epsilon)
                    .with("weight_decay", weight_decay);
                if epsilon_is_hat { adam.with_new("epsilon_is_hat", true, false) } else { adam }
            }
        }

        impl<T: Float> Optimizer<T> for $name {
            type State = AdamState<T>;

            fn init(&self, params: &ParamSet<'_, T>) -> AdamState<T> {
                let mut state = AdamState::default();
                state.adopt(params);
                state
            }

            fn step(&self, lr: f64, params: &mut ParamSet<'_, T>, grads: &Grads<'_, T>, state: &mut AdamState<T>) {
                pass(&self.0, lr, params, grads, state, None);
            }

            fn reset(&self, params: &ParamSet<'_, T>, state: &mut AdamState<T>) {
                state.adopt(params);
                zero_all(&mut state.first);
                zero_all(&mut state.second);
                state.corrections.fill(BiasCorrection::default());
                state.steps.fill(0);
            }

            fn step_and_pull_back(
                &self,
                lr: f64,
                params: &mut ParamSet<'_, T>,
                grads: &Grads<'_, T>,
                state: &mut AdamState<T>,
                sync: PullBack<'_, T, AdamState<T>>,
            ) -> usize {
                pass(&self.0, lr, params, grads, state, Some(sync))
            }

            fn second_moment<'s>(&self, state: &'s AdamState<T>) -> Option<SecondMoment<'s, T>> {
                let weights = state.corrections.iter().map(|correction| correction.second).collect();
                Some(SecondMoment { values: &state.second, weights })
            }
        }
    };
}

adam_rule! {
    /// Adam as PyTorch defines it: betas (0.9, 0.999), epsilon 1e-8, coupled weight decay 0.
    ///
    /// `m <- beta_1 m + (1 - beta_1) g`, `v <- beta_2 v + (1 - beta_2) g^2`,
    /// `theta <- theta - gamma m_hat / (sqrt(v_hat) + epsilon)`, the hats correcting the moments' bias.
    Adam, weight_decay: 0.0, decoupled: false
}

adam_rule! {
    /// AdamW as PyTorch defines it: betas (0.9, 0.999), epsilon 1e-8, decoupled weight decay 0.01.
    ///
    /// Adam's step after `theta <- (1 - gamma lambda) theta`. The paper's CIFAR experiments call it Adam (App. C.1).
    ///
    /// ```
    /// use lookahead::rules::AdamW;
    /// let rule = AdamW::new().with_betas(0.9, 0.98)?.with_weight_decay(0.1)?;
    /// assert!(rule.hyperparameters().is_decoupled());
    /// # Ok::<(), lookahead::Error>(())
    /// ```
    AdamW, weight_decay: 1e-2, decoupled: true
}

/// One step of all tensors, and the sync if there is one, in one pass over memory.
fn pass<T: Float>(
    hyper: &AdamHyperparameters,
    lr: f64,
    params: &mut ParamSet<'_, T>,
    grads: &Grads<'_, T>,
    state: &mut AdamState<T>,
    mut sync: Option<PullBack<'_, T, AdamState<T>>>,
) -> usize {
    assert_eq!(params.len(), grads.len(), "one gradient slot for each tensor");
    state.adopt(params);
    let refused = hyper.pass(params.elements(), tasks(hyper, lr, params, grads, state, sync.as_mut()));
    let alpha = sync.as_ref().map_or(Alpha::ONE, PullBack::alpha);
    if let Some(anchor) = sync.as_mut().and_then(PullBack::anchor) {
        state.pull_back_corrections(anchor, alpha);
        anchor.corrections.clone_from(&state.corrections);
        anchor.steps.clone_from(&state.steps);
    }
    refused
}

/// What each tensor brings to the pass.
fn tasks<'a, T: Float>(
    hyper: &'a AdamHyperparameters,
    lr: f64,
    params: &'a mut ParamSet<'_, T>,
    grads: &'a Grads<'_, T>,
    state: &'a mut AdamState<T>,
    sync: Option<&'a mut PullBack<'_, T, AdamState<T>>>,
) -> impl Iterator<Item = Task<'a, T, adam::Coefficients<T>, 2>> + Send {
    let AdamState { first, second, corrections, steps } = state;
    let mut syncs = sync.map(|sync| sync.tensors(AdamState::moments));
    let counters = corrections.iter_mut().zip(steps);
    let tensors = params.iter_mut().zip(first).zip(second).zip(counters).enumerate();
    tensors.map(move |(index, (((param, first), second), (correction, steps)))| {
        let gradient = grads.get(index);
        if gradient.is_some() {
            hyper.advance(correction);
            *steps = steps.saturating_add(1);
        }
        Task {
            weights: param.values_mut(),
            gradient,
            moments: [first, second],
            coefficients: hyper.coefficients(lr, *correction),
            sync: syncs.as_mut().and_then(Iterator::next).flatten(),
        }
    })
}
