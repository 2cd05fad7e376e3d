//! Members that take gradients at a point beside their weights, around a Lookahead.

use burn::tensor::DType;
use lookahead::EmaNesterovConfig;
use lookahead_burn::{EmaNesterov, Error, Lookahead, Sgd};

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
