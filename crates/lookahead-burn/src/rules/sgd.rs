//! SGD on Burn tensors: plain, heavy ball, Nesterov.

use burn::optim::{LearningRate, Optimizer};
use burn::tensor::{Device, Tensor};

use lookahead::kernels::Task;

use crate::flex::{Values, opens};
use crate::fused_step::Kernel;
use crate::rule_state::RuleState;
use crate::rules::by_kernel_or;

/// PyTorch's SGD for Burn: [`lookahead::rules::Sgd`] on tensors, in place on the CPU, one kernel on a GPU.
///
/// ```
/// use lookahead_burn::Sgd;
/// let rule = Sgd::new().with_momentum(0.9)?.with_weight_decay(5e-4)?;
/// # let _ = rule;
/// # Ok::<(), lookahead_burn::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sgd(lookahead::rules::Sgd);

impl Sgd {
    pub(crate) fn core(&self) -> &lookahead::rules::Sgd {
        &self.0
    }

    /// Plain SGD.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

builders!(Sgd { with_momentum(mu); with_dampening(dampening); with_nesterov(); with_weight_decay(lambda); });

impl From<lookahead::rules::Sgd> for Sgd {
    fn from(rule: lookahead::rules::Sgd) -> Self {
        Self(rule)
    }
}

impl Optimizer for Sgd {
    type State<const D: usize> = RuleState<D>;

    fn step<const D: usize>(
        &self,
        lr: LearningRate,
        tensor: Tensor<D>,
        grad: Tensor<D>,
        state: Option<RuleState<D>>,
    ) -> (Tensor<D>, Option<RuleState<D>>) {
        by_kernel_or(Kernel::Sgd(&self.0), lr, tensor, grad, state, |tensor, grad, state| {
            step(&self.0, lr, tensor, grad, state)
        })
    }

    fn to_device<const D: usize>(state: RuleState<D>, device: &Device) -> RuleState<D> {
        state.moved_to(device)
    }
}

fn step<const D: usize>(
    rule: &lookahead::rules::Sgd,
    lr: f64,
    tensor: Tensor<D>,
    grad: Tensor<D>,
    mut state: RuleState<D>,
) -> (Tensor<D>, RuleState<D>) {
    let first_step = state.steps == 0;
    state.steps = state.steps.saturating_add(1);
    let velocity = (rule.momentum() > 0.0).then(|| state.first.take().unwrap_or_else(|| tensor.zeros_like()));

    if opens(&tensor) && opens(&grad) && velocity.as_ref().is_none_or(opens) {
        let (mut weights, grad) = (Values::of(tensor), Values::of(grad));
        let mut velocity = velocity.map(Values::of);
        let (coefficients, elements) = (rule.coefficients(lr, first_step), grad.as_slice().len());
        let (gradient, weights_mut) = (Some(grad.as_slice()), weights.as_mut_slice());
        match &mut velocity {
            None => {
                let task = Task { weights: weights_mut, gradient, moments: [], coefficients, sync: None };
                rule.plain_pass(elements, std::iter::once(task));
            }
            Some(velocity) => {
                let moments = [velocity.as_mut_slice()];
                let task = Task { weights: weights_mut, gradient, moments, coefficients, sync: None };
                rule.momentum_pass(elements, std::iter::once(task));
            }
        }
        state.first = velocity.map(Values::into_tensor);
        return (weights.into_tensor(), state);
    }

    let c = rule.coefficients::<f64>(lr, first_step);
    // g <- g + lambda theta
    let grad = if c.weight_decay > 0.0 { grad + tensor.clone() * c.weight_decay } else { grad };
    let direction = match velocity {
        None => grad,
        Some(velocity) => {
            // v <- mu v + (1 - dampening) g
            let velocity = velocity * c.momentum + grad.clone() * c.gradient_weight;
            state.first = Some(velocity.clone());
            if rule.is_nesterov() { grad + velocity * c.momentum } else { velocity }
        }
    };
    (tensor - direction * c.lr, state)
}
