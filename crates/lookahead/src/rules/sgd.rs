//! Stochastic gradient descent: plain, heavy ball, Nesterov; coupled weight decay.

use crate::buffer::Slot;
use crate::error::accept;
use crate::inner_state::{adopt_zeros, buffers_fit, clone_in_place, counts_fit, interpolate_all, zero_all};
use crate::kernels::{Pass, Task, sgd};
use crate::{
    Alpha, Buffer, Cadence, Describe, Description, Error, Float, Grads, InnerState, Optimizer, ParamSet, PullBack,
};

/// SGD as PyTorch defines it; all hyperparameters but the learning rate default to 0.
///
/// `g <- g + lambda theta`; without momentum `theta <- theta - gamma g`; with it `v <- mu v + (1 - dampening) g`
/// (`v = g` in a tensor's first step) and `theta <- theta - gamma v`, or `theta - gamma (g + mu v)` for Nesterov.
///
/// ```
/// use lookahead::rules::Sgd;
/// let heavy_ball = Sgd::new().with_momentum(0.9)?.with_weight_decay(5e-4)?;
/// assert_eq!(heavy_ball.momentum(), 0.9);
/// assert!(Sgd::new().with_momentum(1.0).is_err());
/// # Ok::<(), lookahead::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Sgd {
    momentum: f64,
    dampening: f64,
    nesterov: bool,
    weight_decay: f64,
}

impl Sgd {
    /// Plain SGD.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The momentum mu.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless `0 <= mu < 1`, and above 0 with Nesterov.
    pub fn with_momentum(self, mu: f64) -> Result<Self, Error> {
        let (ok, accepted) = match self.nesterov {
            true => (mu > 0.0 && mu < 1.0, "above 0 and below 1 with Nesterov momentum"),
            false => ((0.0..1.0).contains(&mu), "at least 0 and below 1"),
        };
        let momentum = accept("momentum", mu, ok, accepted)?;
        Ok(Self { momentum, ..self })
    }

    /// How much less than fully the gradient enters the velocity.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless `0 <= dampening <= 1`, and 0 with Nesterov.
    pub fn with_dampening(self, dampening: f64) -> Result<Self, Error> {
        let ok = (0.0..=1.0).contains(&dampening) && !(self.nesterov && dampening != 0.0);
        let dampening = accept("dampening", dampening, ok, "from 0 to 1, and 0 with Nesterov momentum")?;
        Ok(Self { dampening, ..self })
    }

    /// Nesterov's momentum instead of the heavy ball.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] naming the momentum if it is 0, or the dampening if it is not (PyTorch's rule).
    pub fn with_nesterov(self) -> Result<Self, Error> {
        accept("momentum", self.momentum, self.momentum > 0.0, "above 0 with Nesterov momentum")?;
        accept("dampening", self.dampening, self.dampening == 0.0, "0 with Nesterov momentum")?;
        Ok(Self { nesterov: true, ..self })
    }

    /// Coupled (L2) weight decay lambda.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless finite and not negative.
    pub fn with_weight_decay(self, lambda: f64) -> Result<Self, Error> {
        let weight_decay =
            accept("weight_decay", lambda, lambda >= 0.0 && lambda.is_finite(), "finite and not negative")?;
        Ok(Self { weight_decay, ..self })
    }

    /// The momentum mu.
    #[must_use]
    pub fn momentum(&self) -> f64 {
        self.momentum
    }

    /// Whether the momentum is Nesterov's.
    #[must_use]
    pub fn is_nesterov(&self) -> bool {
        self.nesterov
    }

    /// The weight decay lambda.
    #[must_use]
    pub fn weight_decay(&self) -> f64 {
        self.weight_decay
    }

    /// The numbers of one step of one tensor, `first` being its first.
    #[must_use]
    pub fn coefficients<T: Float>(&self, lr: f64, first: bool) -> sgd::Coefficients<T> {
        sgd::Coefficients {
            lr: T::from_f64(lr),
            weight_decay: T::from_f64(self.weight_decay),
            momentum: T::from_f64(self.momentum),
            gradient_weight: T::from_f64(if first { 1.0 } else { 1.0 - self.dampening }),
        }
    }
}

/// The velocity of each tensor (none without momentum) and the number of its steps.
#[derive(Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(bound = "T: Float"))]
pub struct SgdState<T> {
    // None without momentum.
    velocity: Option<Vec<Buffer<T>>>,
    steps: Vec<u64>,
}

clone_in_place!(SgdState<T> { velocity, steps });

impl<T: Float> SgdState<T> {
    fn velocities(&mut self) -> impl Iterator<Item = [&mut [T]; 1]> + Send {
        self.velocity.iter_mut().flatten().map(|velocity| [&mut velocity[..]])
    }
}

impl Cadence for Sgd {}

impl Describe for Sgd {
    fn describe(&self) -> Description {
        Description::of("Sgd")
            .with("momentum", self.momentum)
            .with("dampening", self.dampening)
            .with("nesterov", self.nesterov)
            .with("weight_decay", self.weight_decay)
    }
}

impl<T: Float> Optimizer<T> for Sgd {
    type State = SgdState<T>;

    fn init(&self, params: &ParamSet<'_, T>) -> SgdState<T> {
        let mut state = SgdState { velocity: (self.momentum > 0.0).then(Vec::new), steps: Vec::new() };
        state.adopt(params);
        state
    }

    fn step(&self, lr: f64, params: &mut ParamSet<'_, T>, grads: &Grads<'_, T>, state: &mut SgdState<T>) {
        self.pass(lr, params, grads, state, None);
    }

    fn reset(&self, params: &ParamSet<'_, T>, state: &mut SgdState<T>) {
        state.adopt(params);
        state.velocity.iter_mut().for_each(|velocity| zero_all(velocity));
        state.steps.fill(0);
    }

    /// A velocity that was not kept begins at 0, as in a first step.
    fn adapt(&self, params: &ParamSet<'_, T>, state: &mut SgdState<T>) -> Result<(), Error> {
        match (&state.velocity, self.momentum > 0.0) {
            (None, true) => *state = self.init(params),
            (Some(_), false) => state.velocity = None,
            _ => {}
        }
        Ok(())
    }

    fn step_and_pull_back(
        &self,
        lr: f64,
        params: &mut ParamSet<'_, T>,
        grads: &Grads<'_, T>,
        state: &mut SgdState<T>,
        sync: PullBack<'_, T, SgdState<T>>,
    ) -> usize {
        self.pass(lr, params, grads, state, Some(sync))
    }
}

impl Sgd {
    /// One step of all tensors, and the sync if there is one, in one pass over memory.
    fn pass<T: Float>(
        &self,
        lr: f64,
        params: &mut ParamSet<'_, T>,
        grads: &Grads<'_, T>,
        state: &mut SgdState<T>,
        mut sync: Option<PullBack<'_, T, SgdState<T>>>,
    ) -> usize {
        assert_eq!(params.len(), grads.len(), "one gradient slot for each tensor");
        state.adopt(params);
        let elements = params.elements();
        let SgdState { velocity, steps } = state;
        let tensors = params.iter_mut().zip(steps).enumerate().map(|(index, (param, steps))| {
            let (gradient, c) = (grads.get(index), self.coefficients(lr, *steps == 0));
            *steps = steps.saturating_add(u64::from(gradient.is_some()));
            (param.values_mut(), gradient, c)
        });
        let refused = match velocity {
            None => {
                let mut syncs = sync.as_mut().map(|sync| sync.tensors(|_| std::iter::empty()));
                let tasks = tensors.map(|(weights, gradient, coefficients)| {
                    let sync = syncs.as_mut().and_then(Iterator::next).flatten();
                    Task { weights, gradient, moments: [], coefficients, sync }
                });
                self.plain_pass(elements, tasks)
            }
            Some(velocity) => {
                let mut syncs = sync.as_mut().map(|sync| sync.tensors(SgdState::velocities));
                let tasks = tensors.zip(velocity).map(|((weights, gradient, coefficients), velocity)| {
                    let sync = syncs.as_mut().and_then(Iterator::next).flatten();
                    Task { weights, gradient, moments: [&mut velocity[..]], coefficients, sync }
                });
                self.momentum_pass(elements, tasks)
            }
        };
        if let Some(anchor) = sync.as_mut().and_then(PullBack::anchor) {
            anchor.steps.copy_from_slice(&state.steps);
        }
        refused
    }

    /// One step without momentum of all tensors, and their syncs. Gives the number of elements refused as not finite.
    ///
    /// # Panics
    /// If the slices of a task differ in length.
    pub fn plain_pass<'a, T: Float>(
        &self,
        elements: usize,
        tasks: impl Iterator<Item = Task<'a, T, sgd::Coefficients<T>, 0>> + Send,
    ) -> usize {
        Pass::new().step(elements, tasks, sgd::plain)
    }

    /// [`plain_pass`](Self::plain_pass) with momentum.
    ///
    /// # Panics
    /// If the slices of a task differ in length.
    pub fn momentum_pass<'a, T: Float>(
        &self,
        elements: usize,
        tasks: impl Iterator<Item = Task<'a, T, sgd::Coefficients<T>, 1>> + Send,
    ) -> usize {
        if self.nesterov {
            return Pass::new().step(elements, tasks, sgd::nesterov);
        }
        Pass::new().step(elements, tasks, sgd::heavy_ball)
    }
}

impl<T: Float> InnerState<T> for SgdState<T> {
    fn adopt(&mut self, params: &ParamSet<'_, T>) {
        if let Some(velocity) = &mut self.velocity {
            adopt_zeros(velocity, params, Slot::FirstMoment);
        }
        self.steps.resize(params.len(), 0);
    }

    fn pull_back(&mut self, anchor: &Self, alpha: Alpha) {
        if let (Some(velocity), Some(anchor)) = (&mut self.velocity, &anchor.velocity) {
            interpolate_all(velocity, anchor, alpha);
        }
    }

    fn fits(&self, params: &ParamSet<'_, T>) -> Result<(), Error> {
        counts_fit("step counters", self.steps.len(), params)?;
        self.velocity.as_ref().map_or(Ok(()), |velocity| buffers_fit("the velocity", velocity, params))
    }
}
