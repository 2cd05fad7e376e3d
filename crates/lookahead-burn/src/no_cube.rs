//! In place of `cube.rs` without the kernels of GPUs: no tensor opens, so tensor operations do the work there.

use burn::tensor::{Device, Tensor};

use crate::fused_step::Kernel;
use crate::pull_back::Update;
use crate::rule_state::RuleState;
use crate::slow_weights::DeviceSlow;

pub(crate) fn opens<const D: usize>(_tensor: &Tensor<D>) -> bool {
    false
}

pub(crate) fn opens_up_to_single<const D: usize>(_tensor: &Tensor<D>) -> bool {
    false
}

pub(crate) fn scaled_squares<const D: usize>(_values: Tensor<D>) -> Tensor<1> {
    unreachable!("`opens` holds for no tensor")
}

pub(crate) fn fit<'a, const D: usize>(
    _weights: &Tensor<D>,
    _gradient: &Tensor<D>,
    _others: impl IntoIterator<Item = &'a Tensor<D>>,
) -> bool {
    false
}

pub(crate) fn name(device: &Device) -> String {
    format!("{:?}", device.clone().without_autodiff())
}

pub(crate) fn step<const D: usize>(
    _kernel: Kernel<'_>,
    _lr: f64,
    _weights: Tensor<D>,
    _gradient: Tensor<D>,
    _state: RuleState<D>,
    _synced: Option<(DeviceSlow<D>, &Update)>,
) -> (Tensor<D>, RuleState<D>, Option<DeviceSlow<D>>) {
    unreachable!("`opens` holds for no tensor")
}
