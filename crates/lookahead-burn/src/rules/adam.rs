//! Adam and AdamW on Burn tensors.

use burn::optim::{LearningRate, Optimizer};
use burn::tensor::{Device, Tensor};
use lookahead::kernels::Task;
use lookahead::rules::AdamHyperparameters;

use crate::flex::{Values, opens};
use crate::fused_step::Kernel;
use crate::rule_state::RuleState;
use crate::rules::by_kernel_or;

macro_rules! adam_rule {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Default, PartialEq)]
        pub struct $name(lookahead::rules::$name);

        impl $name {
            pub(crate) fn core(&self) -> &lookahead::rules::$name {
                &self.0
            }

            /// PyTorch's defaults.
            #[must_use]
            pub fn new() -> Self {
                Self::default()
            }
        }

        builders!($name { with_betas(beta1, beta2); with_epsilon(epsilon); with_weight_decay(lambda); });

        impl From<lookahead::rules::$name> for $name {
            fn from(rule: lookahead::rules::$name) -> Self {
                Self(rule)
            }
        }

        impl Optimizer for $name {
            type State<const D: usize> = RuleState<D>;

            fn step<const D: usize>(
                &self,
                lr: LearningRate,
                tensor: Tensor<D>,
                grad: Tensor<D>,
                state: Option<RuleState<D>>,
            ) -> (Tensor<D>, Option<RuleState<D>>) {
                let hyper = self.0.hyperparameters();
                by_kernel_or(Kernel::Adam(hyper), lr, tensor, grad, state, |tensor, grad, state| {
                    step(hyper, lr, tensor, grad, state)
                })
            }

            fn to_device<const D: usize>(state: RuleState<D>, device: &Device) -> RuleState<D> {
                state.moved_to(device)
            }
        }
    };
}

adam_rule! {
    /// PyTorch's Adam for Burn: [`lookahead::rules::Adam`] on tensors, in place on the CPU, one kernel on a GPU.
    ///
    /// Its bias corrections move with its moments when Lookahead interpolates, which those of Burn's own Adam cannot.
    Adam
}

adam_rule! {
    /// PyTorch's AdamW for Burn: [`lookahead::rules::AdamW`] on tensors, in place on the CPU, one kernel on a GPU.
    ///
    /// ```
    /// use lookahead_burn::AdamW;
    /// let rule = AdamW::new().with_betas(0.9, 0.98)?.with_weight_decay(0.1)?;
    /// # let _ = rule;
    /// # Ok::<(), lookahead_burn::Error>(())
    /// ```
    AdamW
}

fn step<const D: usize>(
    hyper: &AdamHyperparameters,
    lr: f64,
    tensor: Tensor<D>,
    grad: Tensor<D>,
    mut state: RuleState<D>,
) -> (Tensor<D>, RuleState<D>) {
    state.steps = state.steps.saturating_add(1);
    hyper.advance(&mut state.correction);
    let first = state.first.take().unwrap_or_else(|| tensor.zeros_like());
    let second = state.second.take().unwrap_or_else(|| tensor.zeros_like());

    if [&tensor, &grad, &first, &second].into_iter().all(opens) {
        let (mut weights, grad) = (Values::of(tensor), Values::of(grad));
        let (mut first, mut second) = (Values::of(first), Values::of(second));
        let task = Task {
            weights: weights.as_mut_slice(),
            gradient: Some(grad.as_slice()),
            moments: [first.as_mut_slice(), second.as_mut_slice()],
            coefficients: hyper.coefficients(lr, state.correction),
            sync: None,
        };
        hyper.pass(grad.as_slice().len(), std::iter::once(task));
        (state.first, state.second) = (Some(first.into_tensor()), Some(second.into_tensor()));
        return (weights.into_tensor(), state);
    }

    let c = hyper.coefficients::<f64>(lr, state.correction);
    // g <- g + lambda theta (Adam's coupled weight decay)
    let grad = if c.coupled_decay > 0.0 { grad + tensor.clone() * c.coupled_decay } else { grad };
    // m <- m + (1 - beta_1)(g - m);  v <- beta_2 v + (1 - beta_2) g^2
    let first = first.clone() + (grad.clone() - first) * c.first_rest;
    let second = second * c.beta2 + grad.clone() * grad * c.second_rest;
    // theta <- keep theta - (gamma / w_1) m / (sqrt(v / w_2) + epsilon)
    let denominator = second.clone().sqrt() * c.inverse_root + c.epsilon;
    let tensor = tensor * c.keep - first.clone() / denominator * c.step_size;
    (state.first, state.second) = (Some(first), Some(second));
    (tensor, state)
}
