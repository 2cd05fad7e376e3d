//! The kernels of GPUs: a step of the rule, and the sync that may follow it, in one launch.

use burn::tensor::{DType, Device, Tensor};
use lookahead_cube::{OuterUpdate, Rule, Synced, opens_pair};

pub(crate) use lookahead_cube::{opens, opens_up_to_single, scaled_squares};

use crate::fused_step::Kernel;
use crate::pull_back::Update;
use crate::rule_state::RuleState;
use crate::slow_weights::DeviceSlow;

/// Whether the kernels can work on `weights`, their gradient and these together.
pub(crate) fn fit<'a, const D: usize>(
    weights: &Tensor<D>,
    gradient: &Tensor<D>,
    others: impl IntoIterator<Item = &'a Tensor<D>>,
) -> bool {
    let is_beside =
        |tensor: &Tensor<D>| opens(tensor) && tensor.dims() == weights.dims() && tensor.device() == weights.device();
    opens_pair(weights, gradient) && others.into_iter().all(is_beside)
}

/// What a device calls itself.
pub(crate) fn name(device: &Device) -> String {
    let device = device.clone().without_autodiff();
    device.identity().map_or_else(|| format!("{device:?}"), |identity| identity.name)
}

/// A step of the rule on `weights`, its moments in `state`, with the sync of `synced` if there is one.
pub(crate) fn step<const D: usize>(
    kernel: Kernel<'_>,
    lr: f64,
    weights: Tensor<D>,
    gradient: Tensor<D>,
    mut state: RuleState<D>,
    synced: Option<(DeviceSlow<D>, &Update)>,
) -> (Tensor<D>, RuleState<D>, Option<DeviceSlow<D>>) {
    let rule = advance(kernel, lr, &mut state);
    let moments = [state.first.take(), state.second.take()].into_iter().take(kernel.moments());
    let zeros = || Tensor::zeros(weights.shape(), (&weights.device(), DType::F32));
    let moments = moments.map(|moment| moment.unwrap_or_else(zeros)).collect();
    let synced = synced.map(|(DeviceSlow { slow, buffer, refused }, update)| {
        let sync = match update.step {
            Some(step) => OuterUpdate::Momentum(step.in_precision()),
            None => OuterUpdate::PullBack(update.alpha.get() as f32),
        };
        let buffer = update.step.map(|_| buffer.unwrap_or_else(|| slow.zeros_like()));
        Synced { sync, slow, buffer, refused }
    });
    let (weights, moments, synced) = lookahead_cube::step(rule, weights, gradient, moments, synced);
    let mut moments = moments.into_iter();
    (state.first, state.second) = (moments.next(), moments.next());
    let slow = synced.map(|Synced { slow, buffer, refused, .. }| DeviceSlow { slow, buffer, refused });
    (weights, state, slow)
}

/// One more step of the rule, in numbers.
fn advance<const D: usize>(kernel: Kernel<'_>, lr: f64, state: &mut RuleState<D>) -> Rule {
    state.steps = state.steps.saturating_add(1);
    match kernel {
        Kernel::Sgd(sgd) => {
            let c = sgd.coefficients(lr, state.steps == 1);
            match (sgd.momentum() == 0.0, sgd.is_nesterov()) {
                (true, _) => Rule::Plain(c),
                (false, true) => Rule::Nesterov(c),
                (false, false) => Rule::HeavyBall(c),
            }
        }
        Kernel::Adam(adam) => {
            adam.advance(&mut state.correction);
            Rule::Adam(adam.coefficients(lr, state.correction))
        }
    }
}
