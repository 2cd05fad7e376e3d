//! A gradient that is no finite number never reaches the slow weights, in place or by tensor operations.

use burn::tensor::{DType, Device};
use lookahead::{Adaptive, InnerStatePolicy};
use lookahead_burn::{AdamW, Error, InnerOptimizer, Lookahead};

use crate::parameters::Parameters;
use crate::{device, with_policy};

#[test]
fn the_element_keeps_its_slow_weight_and_the_others_move() -> Result<(), Error> {
    for dtype in [DType::F32, DType::F64].into_iter().filter(|dtype| device::under_test().supports_dtype(*dtype)) {
        for poison in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let what = format!("{dtype:?}, {poison}");
            let mut optimizer =
                Lookahead::with_config(AdamW::new(), with_policy(2, 0.5, InnerStatePolicy::Interpolate))?;
            let mut module = Parameters::new();
            module.push(&[3], &[1.0, 2.0, 3.0], dtype);
            module.push(&[1], &[4.0], dtype);
            for step in 0..4 {
                let middle = if step == 2 { poison } else { 1.0 };
                let grads = module.gradients(&[Some(vec![1.0, middle, 1.0]), Some(vec![1.0])]);
                let before = optimizer.slow_model(&module).values();
                module = optimizer.step(0.1, module, grads);
                if step == 3 {
                    let slow = optimizer.slow_model(&module).values();
                    assert_eq!(slow, module.values(), "{what}");
                    assert_eq!(slow[0][1], before[0][1], "{what}");
                    for (slow, before) in
                        [(slow[0][0], before[0][0]), (slow[0][2], before[0][2]), (slow[1][0], before[1][0])]
                    {
                        assert!(slow.is_finite() && slow != before, "{what}: from {before} to {slow}");
                    }
                }
            }
            let sync = optimizer.last_sync().expect("two syncs");
            assert_eq!((sync.outer, sync.refused, optimizer.refused()), (1, 1, 1), "{what}");
            // The inner state started afresh: AdamW's first step is as long as the learning rate. Where the host does not
            // compute itself, it looks later: `waits.rs`.
            let before = module.values()[1][0];
            let grads = module.gradients(&[Some(vec![1.0; 3]), Some(vec![5.0])]);
            module = optimizer.step(0.1, module, grads);
            let expected = before * (1.0 - 0.1 * 0.01) - 0.1;
            if device::under_test() == Device::flex() {
                assert!((module.values()[1][0] - expected).abs() < 1e-6, "{what}");
            }
            // The count is part of the record.
            let loaded = Lookahead::with_config(AdamW::new(), with_policy(2, 0.5, InnerStatePolicy::Interpolate))?;
            assert_eq!(loaded.load_record(&optimizer.to_record(&module)?, &module)?.refused(), 1, "{what}");
            InnerOptimizer::reset(&mut optimizer);
            assert_eq!((optimizer.refused(), optimizer.last_sync()), (0, None), "{what}: as new");
        }
    }
    Ok(())
}

/// An adaptive alpha that is no number is clipped to the lowest allowed.
#[test]
fn an_adaptive_alpha_of_nan_is_clipped() -> Result<(), Error> {
    let adaptive = Adaptive::default();
    let config = with_policy(2, 0.5, InnerStatePolicy::Maintain).with_adaptive_alpha(adaptive);
    let mut optimizer = Lookahead::with_config(AdamW::new(), config)?;
    let mut module = Parameters::new();
    module.push(&[2], &[1.0, 2.0], DType::F32);
    for gradient in [f64::NAN, 1.0] {
        let grads = module.gradients(&[Some(vec![gradient, 1.0])]);
        module = optimizer.step(0.1, module, grads);
    }
    let sync = optimizer.last_sync().expect("a sync");
    assert_eq!((sync.alpha, sync.clipped, sync.refused), (adaptive.low(), true, 1));
    assert!(module.values().concat().iter().all(|value| value.is_finite()));
    Ok(())
}
