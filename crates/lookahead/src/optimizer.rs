//! The inner optimizer A of Algorithm 1: `theta <- theta + A(L, theta, d)`.

use std::borrow::Cow;

use crate::{Buffer, Error, Float, Grads, InnerState, ParamSet, PullBack, Schedule, SyncPeriod};

/// A rule that moves weights along gradients. What it remembers lives outside it, as a value of type `State`.
///
/// A wrapper of an optimizer is an optimizer: [`Lookahead`](crate::Lookahead) and [`Averaged`](crate::Averaged)
/// implement this trait too, and nest.
///
/// # Panics
/// The methods panic when `params`, `grads` and `state` do not belong together: another number of tensors, or a tensor
/// of another length. Build gradients with [`Grads::new`] and states with [`init`](Self::init) or
/// [`Snapshot::restore`](crate::Snapshot::restore), which check it. No value of a weight or gradient makes a step fail.
pub trait Optimizer<T: Float>: Cadence {
    /// What the rule remembers between steps.
    type State: InnerState<T>;

    /// The state before the first step.
    fn init(&self, params: &ParamSet<'_, T>) -> Self::State;

    /// One gradient step with learning rate `lr`. A tensor without a gradient stays as it is.
    fn step(&self, lr: f64, params: &mut ParamSet<'_, T>, grads: &Grads<'_, T>, state: &mut Self::State);

    /// One gradient step, then a sync: Eq. 1, `phi <- phi + alpha (theta - phi)`, `theta <- phi`, and "interpolate" for
    /// the state where it is asked for. Gives the number of elements whose result was not finite (they keep their old slow
    /// weight). The rules of this crate do all of it in one pass.
    fn step_and_pull_back(
        &self,
        lr: f64,
        params: &mut ParamSet<'_, T>,
        grads: &Grads<'_, T>,
        state: &mut Self::State,
        sync: PullBack<'_, T, Self::State>,
    ) -> usize {
        self.step(lr, params, grads, state);
        self.end_partial_cycle(params, state);
        sync.carry_out(params, state)
    }

    /// Puts the state back to that of [`init`](Self::init). The optimizers of this crate do it in the memory that is there.
    fn reset(&self, params: &ParamSet<'_, T>, state: &mut Self::State) {
        *state = self.init(params);
    }

    /// Makes a state that was saved under other hyperparameters one of this optimizer's (see
    /// [`Snapshot::restore_under_new_hyperparameters`](crate::Snapshot::restore_under_new_hyperparameters)): what they add
    /// begins as in [`init`](Self::init), what they do without goes. By default the state is good as it is.
    ///
    /// # Errors
    /// [`Error::OtherOptimizer`] where it cannot be one.
    fn adapt(&self, _params: &ParamSet<'_, T>, _state: &mut Self::State) -> Result<(), Error> {
        Ok(())
    }

    /// Ends partial cycles of Lookaheads inside, before an outer one syncs off its beat.
    fn end_partial_cycle(&self, _params: &mut ParamSet<'_, T>, _state: &mut Self::State) {}

    /// The diagonal curvature that the rule keeps anyway: its bias-corrected second moment (Prop. 1's A).
    fn second_moment<'s>(&self, _state: &'s Self::State) -> Option<SecondMoment<'s, T>> {
        None
    }

    /// The weights to evaluate, of each tensor that the state knows, where it holds them: slow weights, averages. See
    /// [`evaluate`](Self::evaluate).
    fn evaluation_weights<'s>(&self, _state: &'s Self::State) -> Option<Vec<Cow<'s, [T]>>> {
        None
    }

    /// The weights to evaluate, tensor by tensor, wherever they are: [`evaluation_weights`](Self::evaluation_weights);
    /// what follows from state and parameters together ([`PrimalAveraged`](crate::PrimalAveraged),
    /// [`EmaNesterov`](crate::EmaNesterov)); or the parameters themselves, as for a tensor that has joined since the last
    /// step.
    fn evaluate<'s>(&self, params: &'s ParamSet<'_, T>, state: &'s Self::State) -> Vec<Cow<'s, [T]>> {
        with_joined(self.evaluation_weights(state).unwrap_or_default(), params)
    }
}

/// The weights that a state has, and the parameters' own where tensors have joined since.
pub(crate) fn with_joined<'s, T: Float>(
    mut weights: Vec<Cow<'s, [T]>>,
    params: &'s ParamSet<'_, T>,
) -> Vec<Cow<'s, [T]>> {
    weights.extend(params.iter().skip(weights.len()).map(|param| Cow::Borrowed(param.values())));
    weights
}

/// The beat of the Lookaheads in an optimizer; none in a plain rule.
pub trait Cadence {
    /// The schedule of k of each outermost Lookahead inside, so that one around them can be checked against it.
    fn sync_periods(&self) -> Vec<Schedule<SyncPeriod>> {
        Vec::new()
    }
}

/// A running average of squared gradients, and the weight its values have gathered: divide by it to correct the bias.
#[derive(Debug, Clone)]
pub struct SecondMoment<'s, T> {
    /// The averages, tensor by tensor.
    pub values: &'s [Buffer<T>],
    /// For each tensor, the sum of the averaging weights, in [0, 1].
    pub weights: Cow<'s, [f64]>,
}
