//! NT-ASGD on a module against a run worked out by hand (Merity et al. 2018, Algorithm 1).

mod device;
mod parameters;

use burn::tensor::DType;
use lookahead::Averaging;
use lookahead_burn::{Averaged, InnerOptimizer, RuleSet, Sgd};

use parameters::Parameters;

/// One step a validation check, SGD going 20, 19, 18, …; n = 2.
///
/// At check t (from 0) the losses before it are l_0 … l_(t-1); it fires if t > 2 and its own is above the least of
/// l_0 … l_(t-3):
/// t = 2: 7 is above 6, but t is not above 2; t = 3: 8 is not above 9; t = 4: 6.5 is above 6, the least of 9, 6? It is:
/// averaging begins with step 5, counted from 0, whose weights are 20 - 6 = 14.
#[test]
fn the_mean_begins_with_the_step_after_the_trigger() {
    if !device::under_test().supports_dtype(DType::F64) {
        return;
    }
    let mut optimizer = Averaged::new(RuleSet::new(Sgd::new()), Averaging::NonMonotonic { patience: 2 });
    let mut module = Parameters::new();
    module.push(&[1], &[20.0], DType::F64);
    let (mut fired, mut evaluated) = (Vec::new(), Vec::new());
    for loss in [9.0, 6.0, 7.0, 8.0, 6.5, 1.0, 2.0] {
        let grads = module.gradients(&[Some(vec![1.0])]);
        module = optimizer.advance(&1.0.into(), module, grads);
        evaluated.push(optimizer.average_model(&module).values()[0][0]);
        fired.push(optimizer.observe_validation_loss(loss));
    }
    assert_eq!(fired, [false, false, false, false, true, true, true]);
    // the weights themselves, then the means of 14 and of 14, 13
    assert_eq!(evaluated, [19.0, 18.0, 17.0, 16.0, 15.0, 14.0, 13.5]);
}

/// w goes 7, 6, 5, 4, 3, 2, its mean from 6 on; a parameter that joins after three steps goes 30, 20, 10, its mean from
/// 30 on. A save in between changes nothing.
#[test]
fn a_parameter_that_joins_late_has_the_mean_of_its_own_weights() {
    if !device::under_test().supports_dtype(DType::F64) {
        return;
    }
    let new = || Averaged::new(RuleSet::new(Sgd::new()), Averaging::Running { start: 1 });
    for saved in 0..6 {
        let mut optimizer = new();
        let mut module = Parameters::new();
        module.push(&[1], &[8.0], DType::F64);
        let mut means = Vec::new();
        for step in 0..6 {
            if step == 3 {
                module.push(&[1], &[40.0], DType::F64);
            }
            let gradients = [Some(vec![1.0]), Some(vec![10.0])];
            let grads = module.gradients(&gradients[..if step < 3 { 1 } else { 2 }]);
            module = optimizer.advance(&1.0.into(), module, grads);
            means.push(optimizer.average_model(&module).values().concat());
            if step == saved {
                optimizer = new()
                    .load_record(&optimizer.to_record(&module).expect("a record"), &module)
                    .expect("its own record");
            }
        }
        let expected = [vec![7.0], vec![6.0], vec![5.5], vec![5.0, 30.0], vec![4.5, 25.0], vec![4.0, 20.0]];
        assert_eq!(means, expected, "saved after step {saved}");
    }
}
