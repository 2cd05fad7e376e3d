//! Linear layers and scores, of a few rows and of many.

use burn::module::{Module, Param};
use burn::nn::{Linear, LinearConfig};
use burn::tensor::activation;
use burn::tensor::{DType, Device, Distribution, Tensor};
use lookahead_layers::{linear, relu, tied_scores};

use super::{agree, device, numbers};

fn random<const D: usize>(shape: [usize; D]) -> Tensor<D> {
    Tensor::random(shape, Distribution::Normal(0.0, 1.0), &device()).require_grad()
}

/// Values, and the gradients of a weighted sum with respect to inputs, weights and bias.
#[track_caller]
fn compare<const D: usize>(
    ours: Tensor<D>,
    theirs: Tensor<D>,
    x: &Tensor<D>,
    weight: &Tensor<2>,
    bias: Option<&Tensor<1>>,
) {
    let name = format!("{:?} by {:?}", x.dims(), weight.dims());
    assert_eq!(ours.dims(), theirs.dims(), "{name}");
    agree(&name, numbers(ours.clone()), numbers(theirs.clone()));
    let weights = random(ours.dims()).detach();
    let (ours, theirs) = ((ours * weights.clone()).sum().backward(), (theirs * weights).sum().backward());
    agree(&format!("{name}: x"), numbers(x.grad(&ours).unwrap()), numbers(x.grad(&theirs).unwrap()));
    agree(&format!("{name}: weight"), numbers(weight.grad(&ours).unwrap()), numbers(weight.grad(&theirs).unwrap()));
    if let Some(bias) = bias {
        agree(&format!("{name}: bias"), numbers(bias.grad(&ours).unwrap()), numbers(bias.grad(&theirs).unwrap()));
    }
}

fn layer(inputs: usize, outputs: usize, has_bias: bool) -> Linear {
    LinearConfig::new(inputs, outputs).with_bias(has_bias).init(&device())
}

#[test]
fn linear_layers_are_burns() {
    for (rows, inputs, outputs) in [(1, 1, 1), (3, 5, 7), (64, 17, 33), (130, 64, 48), (257, 128, 10), (40, 3, 300)] {
        for has_bias in [true, false] {
            let layer = layer(inputs, outputs, has_bias);
            let (weight, bias) = (layer.weight.val(), layer.bias.as_ref().map(Param::val));
            let x = random([rows, inputs]);
            compare(linear(&layer, x.clone()), layer.forward(x.clone()), &x, &weight, bias.as_ref());
            let x = random([2, rows, inputs]);
            compare(linear(&layer, x.clone()), layer.forward(x.clone()), &x, &weight, bias.as_ref());
        }
    }
}

#[test]
fn scores_are_products_with_the_rows_of_the_embedding() {
    for (rows, width, classes) in [(1, 1, 1), (5, 6, 3), (70, 33, 129), (200, 64, 500)] {
        let (x, embedding, bias) = (random([rows, width]), random([classes, width]), random([classes]));
        let theirs = || x.clone().matmul(embedding.clone().transpose());
        compare(tied_scores(x.clone(), embedding.clone(), None), theirs(), &x, &embedding, None);
        let ours = tied_scores(x.clone(), embedding.clone(), Some(bias.clone()));
        compare(ours, theirs() + bias.clone().unsqueeze(), &x, &embedding, Some(&bias));
    }
}

#[test]
fn a_frozen_weight_gets_no_gradient_and_what_is_no_part_of_the_graph_is_a_constant() {
    let (free, frozen, x) = (layer(5, 6, true), layer(5, 6, true), random([70, 5]));
    let frozen = Linear { weight: frozen.weight.set_require_grad(false), ..frozen };
    let gradients = linear(&frozen, x.clone()).sum().backward();
    assert!(frozen.weight.val().grad(&gradients).is_none());
    assert!(x.grad(&gradients).is_some() && frozen.bias.unwrap().val().grad(&gradients).is_some());

    let gradients = linear(&free.clone().valid(), x.clone()).powi_scalar(2).sum().backward();
    let expected = free.clone().valid().forward(x.clone()).powi_scalar(2).sum().backward();
    agree("x", numbers(x.grad(&gradients).unwrap()), numbers(x.grad(&expected).unwrap()));
    let gradients = linear(&free, x.clone().inner()).powi_scalar(2).sum().backward();
    let expected = free.forward(x.inner()).powi_scalar(2).sum().backward();
    let of = |gradients| numbers(free.weight.val().grad(gradients).unwrap());
    agree("weight", of(&gradients), of(&expected));
}

#[test]
fn without_rows_there_are_no_outputs_and_no_gradient() {
    let layer = layer(3, 2, true);
    let x = random([0, 3]);
    let y = linear(&layer, x.clone());
    assert_eq!(y.dims(), [0, 2]);
    let gradients = y.sum().backward();
    assert_eq!(x.grad(&gradients).unwrap().dims(), [0, 3]);
    assert_eq!(numbers(layer.weight.val().grad(&gradients).unwrap()), [0.0; 6]);
}

#[test]
fn other_precisions_and_gradient_checkpointing_go_through_burns_own_operations() {
    let plain = LinearConfig::new(4, 3).init(&Device::flex());
    let x = Tensor::<2>::random([70, 4], Distribution::Default, &Device::flex());
    let double = Linear {
        weight: plain.weight.clone().map(|weight| weight.cast(DType::F64)),
        bias: plain.bias.clone().map(|bias| bias.map(|bias| bias.cast(DType::F64))),
    };
    agree("f64", numbers(linear(&double, x.clone().cast(DType::F64))), numbers(linear(&plain, x)));

    let device = Device::flex().autodiff().gradient_checkpointing();
    let layer = LinearConfig::new(4, 3).init(&device);
    let x = Tensor::<2>::random([70, 4], Distribution::Default, &device).require_grad();
    let gradients = linear(&layer, x.clone()).sum().backward();
    assert!(x.grad(&gradients).is_some() && layer.weight.val().grad(&gradients).is_some());
}

#[test]
#[should_panic]
fn rows_of_another_length_are_refused_as_burn_does() {
    let _ = linear(&layer(4, 3, true), random([70, 5]));
}

#[test]
fn relu_is_burns_and_leaves_what_others_hold() {
    for shape in [[0, 3], [1, 1], [70, 33], [300, 200]] {
        let x = random(shape);
        let before = numbers(x.clone());
        let (ours, theirs) = (relu(x.clone()), activation::relu(x.clone()));
        assert_eq!(numbers(ours.clone()), numbers(theirs.clone()));
        assert_eq!(numbers(x.clone()), before);
        let weights = random(shape).detach();
        let (ours, theirs) = ((ours * weights.clone()).sum().backward(), (theirs * weights).sum().backward());
        assert_eq!(numbers(x.grad(&ours).unwrap()), numbers(x.grad(&theirs).unwrap()));
    }
    let x = Tensor::<1>::from_data([f32::NAN, -0.0, f32::NEG_INFINITY, f32::INFINITY], &device()).require_grad();
    let y = relu(x.clone());
    let found = numbers(y.clone());
    assert!(found[0].is_nan() && found[1..] == [0.0, 0.0, f32::INFINITY]);
    assert_eq!(numbers(x.grad(&y.sum().backward()).unwrap()), [1.0, 0.0, 0.0, 1.0]);
    // On the way back through what made it.
    let layer = layer(5, 6, true);
    let x = random([40, 5]);
    compare(relu(linear(&layer, x.clone())), activation::relu(layer.forward(x.clone())), &x, &layer.weight.val(), None);
}
