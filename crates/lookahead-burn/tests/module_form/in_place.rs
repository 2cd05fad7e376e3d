//! On the CPU a step writes into the module's own buffers when the module is moved in, and copies where it is not.

use burn::backend::Flex;
use burn::module::Param;
use burn::optim::Optimizer;
use burn::tensor::{Device, Tensor};
use lookahead::InnerStatePolicy;
use lookahead_burn::{Adam, AdamW, Error, Lookahead};

use crate::network::Network;
use crate::{device, heavy_ball, with_policy};

/// Where the first value of a parameter lies.
fn address<const D: usize>(param: &Param<Tensor<D>>) -> usize {
    let primitive = param.val().inner().try_into_primitive::<Flex>().expect("a tensor of the CPU backend");
    primitive.storage::<f32>().as_ptr() as usize
}

fn addresses(network: &Network) -> Vec<usize> {
    let biases = network.conv.bias.iter().chain(&network.head.bias).map(address);
    let vectors = [&network.norm.gamma, &network.norm.beta].into_iter().map(address);
    [address(&network.conv.weight), address(&network.head.weight)].into_iter().chain(biases).chain(vectors).collect()
}

/// The first step is apart: theta_0 becomes phi_0, so there must be two of it from then on.
fn assert_in_place(rule: impl Optimizer, policy: InnerStatePolicy) -> Result<(), Error> {
    let (mut network, mut optimizer) = (Network::new(), Lookahead::with_config(rule, with_policy(3, 0.5, policy))?);
    let mut expected = Vec::new();
    for step in 0..9 {
        let grads = network.gradients(step);
        let before = network.bits();
        network = optimizer.step(0.1, network, grads);
        assert_ne!(network.bits(), before, "{policy:?}, step {step}");
        if step == 0 {
            expected = addresses(&network);
        }
        assert_eq!(addresses(&network), expected, "{policy:?}: the buffers after step {step}");
    }
    assert_eq!(expected.len(), 6);
    Ok(())
}

#[test]
fn a_module_that_is_moved_in_keeps_its_buffers() -> Result<(), Error> {
    if device::under_test() != Device::flex() {
        return Ok(()); // elsewhere no address tells a buffer
    }
    for policy in [InnerStatePolicy::Maintain, InnerStatePolicy::Interpolate, InnerStatePolicy::Reset] {
        assert_in_place(heavy_ball(), policy)?;
        assert_in_place(Adam::new(), policy)?;
        assert_in_place(AdamW::new(), policy)?;
    }
    Ok(())
}

/// At every phase: before the first step, between syncs and across one.
#[test]
fn a_clone_held_elsewhere_is_not_written_to() -> Result<(), Error> {
    let config = with_policy(3, 0.5, InnerStatePolicy::Maintain);
    let (mut network, mut optimizer) = (Network::new(), Lookahead::with_config(AdamW::new(), config)?);
    let mut held = Vec::new();
    for step in 0..7 {
        let grads = network.gradients(step);
        let weights = network.head.weight.clone();
        held.push((weights.val().into_data(), weights));
        network = optimizer.step(0.1, network, grads);
    }
    for (step, (before, weights)) in held.into_iter().enumerate() {
        assert_eq!(weights.val().into_data(), before, "the clone made before step {step}");
    }
    Ok(())
}
