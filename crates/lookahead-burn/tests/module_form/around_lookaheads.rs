//! Members that take gradients at a point beside their weights, around a Lookahead.

use burn::tensor::DType;
use lookahead::{EmaNesterovConfig, Gpa};
use lookahead_burn::{EmaNesterov, Error, InnerOptimizer, Lookahead, PrimalAveraged, Sgd};

use crate::parameters::Parameters;
use crate::{config, device};

/// A vector in each precision that the device has.
fn in_each_precision(values: &[f64]) -> impl Iterator<Item = Parameters> {
    let device = device::under_test();
    let precisions = [DType::F32, DType::BF16].into_iter().filter(move |dtype| device.supports_dtype(*dtype));
    precisions.map(|dtype| {
        let mut module = Parameters::new();
        module.push(&[values.len()], values, dtype);
        module
    })
}

/// In a sync without a gradient the Lookahead below works on theta, and p goes along; at alpha = 1 it is not there.
#[test]
fn a_lookahead_below_syncs_theta_without_a_gradient_too() -> Result<(), Error> {
    for (alpha, p, theta) in [(0.5, 3.0, 3.5), (1.0, 2.5, 3.0)] {
        for mut module in in_each_precision(&[4.0]) {
            let ahead = EmaNesterovConfig::new().with_beta(0.5)?.with_gamma(0.0)?;
            let below = Lookahead::with_config(Sgd::new(), config(2, alpha))?;
            let mut optimizer = EmaNesterov::with_config(below, ahead);
            // theta = 3 and m = -1, so p = 2.5
            for gradient in [Some(vec![1.0]), None] {
                let grads = module.gradients(&[gradient]);
                module = optimizer.step(1.0, module, grads);
            }
            let slow = optimizer.inner().slow_model(&module).values()[0][0];
            assert_eq!((module.values()[0][0], slow), (p, theta), "alpha = {alpha}");
            assert_eq!(optimizer.evaluation_model(&module).values()[0][0], theta, "alpha = {alpha}");
        }
    }
    Ok(())
}

/// An element that is not finite goes on where the Lookahead below has kept its slow weight.
#[test]
fn an_element_goes_on_from_the_slow_weight_below() -> Result<(), Error> {
    fn check(optimizer: &impl InnerOptimizer, second: Option<Vec<f64>>) {
        for mut module in in_each_precision(&[4.0, 4.0]) {
            let mut optimizer = optimizer.clone();
            let mut weights = Vec::new();
            let first = Some(vec![f64::NAN, 1.0]);
            for gradient in [first, second.clone(), Some(vec![1.0; 2]), Some(vec![1.0; 2])] {
                let grads = module.gradients(&[gradient]);
                module = optimizer.advance(&0.5.into(), module, grads);
                weights.push(module.values()[0].clone());
            }
            assert!(weights[0][0].is_nan(), "{second:?}: {weights:?}");
            assert!(weights[1][0] == 4.0 && weights[3][0] < 4.0, "{second:?}: {weights:?}");
            assert!(weights.iter().all(|weights| weights[1] < 4.0), "{second:?}: {weights:?}");
        }
    }
    let ahead = EmaNesterovConfig::new().with_beta(0.5)?.with_gamma(0.5)?;
    let gpa = Gpa::new().with_coefficients(0.9, 0.7)?;
    for second in [Some(vec![1.0; 2]), None] {
        check(&PrimalAveraged::new(Lookahead::with_config(Sgd::new(), config(2, 0.5))?, gpa), second.clone());
        check(&EmaNesterov::with_config(Lookahead::with_config(Sgd::new(), config(2, 0.5))?, ahead), second);
    }
    Ok(())
}
