//! What this crate takes for granted of Burn beyond the signatures of its functions. The requirement `burn = "0.22.1"` lets any
//! later 0.22 in; where one of these fails, that version has changed what Lookahead rests on, and the message says what.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::nn::{Linear, LinearConfig};
use burn::optim::{GradientsAccumulator, GradientsParams};
use burn::tensor::{Device, Tensor};

fn layer() -> Linear {
    LinearConfig::new(3, 2).init(&Device::flex().autodiff())
}

fn gradients(layer: &Linear) -> GradientsParams {
    let input = Tensor::<2>::ones([4, 3], &Device::flex().autodiff());
    GradientsParams::from_grads(layer.forward(input).sum().backward(), layer)
}

#[derive(Default)]
struct Ids(Vec<ParamId>);

impl ModuleVisitor for Ids {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.0.push(param.id);
    }
}

impl ModuleMapper for Ids {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        self.0.push(param.id);
        param
    }
}

#[test]
fn a_module_is_visited_and_mapped_in_one_order() {
    let layers = vec![layer(), layer()];
    let (mut visited, mut mapped) = (Ids::default(), Ids::default());
    layers.visit(&mut visited);
    let _ = layers.map(&mut mapped);
    assert_eq!(
        visited.0, mapped.0,
        "Burn visits and maps parameters in different orders: fused_step.rs puts them back wrongly"
    );
    assert_eq!(visited.0.len(), 4);
}

#[test]
fn a_parameter_that_is_mapped_keeps_its_id_and_its_training_state() {
    for frozen in [false, true] {
        let layer = if frozen { layer().no_grad() } else { layer() };
        let (id, takes) = (layer.weight.id, layer.weight.val().is_require_grad());
        let weight = layer.weight.map(|weight| {
            let tensor = Tensor::from_inner(weight.clone().inner() * 2.0);
            if weight.is_require_grad() { tensor.require_grad() } else { tensor }
        });
        assert_eq!((weight.id, weight.val().is_require_grad()), (id, takes), "Param::map loses what it should keep");
    }
}

#[test]
fn clones_of_a_layer_are_one_leaf_of_the_graph() {
    let first = layer();
    let twins = vec![first.clone(), first];
    let input = Tensor::<2>::ones([4, 3], &Device::flex().autodiff());
    let loss = (twins[0].forward(input.clone()) + twins[1].forward(input)).sum();
    let grads = GradientsParams::from_grads(loss.backward(), &twins);
    let gradient: Vec<f32> = grads.get::<2>(twins[0].weight.id).expect("a gradient").into_data().iter().collect();
    assert_eq!(
        gradient, [8.0; 6],
        "backward() no longer adds up the gradients of a layer's clones: places.rs is wrong"
    );
}

/// Without a copy: `flex.rs` writes into the buffer of a tensor that nothing else holds.
#[cfg(feature = "flex")]
#[test]
fn the_cpus_buffers_open() {
    use burn::backend::Flex;
    let tensor = Tensor::<1>::zeros([1000], &Device::flex());
    let primitive =
        tensor.try_into_primitive::<Flex>().expect("Device::flex() no longer gives tensors of the Flex backend");
    let before = primitive.bytes().as_ptr();
    let tensor = Tensor::<1>::from_primitive::<Flex>(primitive);
    let after = tensor.try_into_primitive::<Flex>().expect("the same tensor").bytes().as_ptr();
    assert_eq!(before, after, "a tensor of the Flex backend is copied on its way through its primitive");
}

#[test]
fn gradients_are_found_by_parameter_and_accumulate() {
    let layer = layer();
    let mut accumulator = GradientsAccumulator::new();
    (0..2).for_each(|_| accumulator.accumulate(&layer, gradients(&layer)));
    let grads = accumulator.grads();
    assert_eq!(grads.len(), 2, "GradientsParams no longer holds one gradient for each parameter");
    let gradient = grads.get::<2>(layer.weight.id).expect("a gradient");
    assert!(!gradient.is_autodiff(), "gradients are on autodiff: the rules would track their own steps");
    assert_eq!(gradient.into_data().iter::<f32>().collect::<Vec<_>>(), [8.0; 6]);
}
