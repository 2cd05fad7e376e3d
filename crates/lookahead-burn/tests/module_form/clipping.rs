//! Burn's clipping of each tensor: what its `init()` adds to a rule, `with_grad_clipping` adds to Lookahead.

use burn::grad_clipping::{GradientClipping, GradientClippingConfig};
use burn::optim::{AdamConfig, ModuleOptimizer};
use lookahead::{Adaptive, InnerStatePolicy};
use lookahead_burn::{Error, Lookahead, Sgd};

use crate::network::Network;
use crate::{config, vectors, with_policy};

const BOTH: [GradientClippingConfig; 2] = [GradientClippingConfig::Norm(0.01), GradientClippingConfig::Value(0.002)];

/// The same bits as around the `ModuleOptimizer` that Burn makes of the same config.
#[test]
fn it_clips_as_burn_does() -> Result<(), Error> {
    for clipping in BOTH {
        let adam = || AdamConfig::new().with_epsilon(0.01).with_grad_clipping(Some(clipping.clone()));
        let boxed: ModuleOptimizer = adam().init();
        let config = with_policy(3, 0.5, InnerStatePolicy::Maintain);
        let mut expected = Lookahead::from_module_optimizer(boxed, config.clone())?;
        let clipped = Lookahead::with_config(adam().build(), config.clone())?;
        let mut clipped = clipped.with_grad_clipping(clipping.init())?;
        let mut plain = Lookahead::with_config(adam().build(), config)?;
        let mut networks = [(); 3].map(|()| Network::new());
        for step in 0..7 {
            let [a, b, c] = networks;
            let [ga, gb, gc] = [&a, &b, &c].map(|network| network.gradients(step));
            networks = [expected.step(0.05, a, ga), clipped.step(0.05, b, gb), plain.step(0.05, c, gc)];
            assert_eq!(networks[0].bits(), networks[1].bits(), "{clipping:?}, after step {step}");
            assert_ne!(networks[0].bits(), networks[2].bits(), "{clipping:?}, after step {step}");
        }
    }
    Ok(())
}

/// An adaptive alpha goes by the gradients that the rule saw: their squares, and the one that is taken anew. With another one it
/// would not lie where it does, in the middle of its range.
#[test]
fn an_adaptive_alpha_sees_clipped_gradients() -> Result<(), Error> {
    let new = || Lookahead::with_config(Sgd::new(), config(1, 0.5).with_adaptive_alpha(Adaptive::new()));
    let mut clipped = new()?.with_grad_clipping(GradientClipping::Value(0.5))?;
    let mut expected = new()?;
    let [mut a, mut b] = [vectors(&[&[1.0]]), vectors(&[&[1.0]])];
    for gradient in [4.0, -7.0, 0.5] {
        let (limited, back) = (0.5_f64.copysign(gradient), (-9.0_f64).copysign(-gradient));
        let grads = a.gradients(&[Some(vec![gradient])]);
        a = clipped.step_with(16.0, a, grads, |module| module.gradients(&[Some(vec![back])]));
        let grads = b.gradients(&[Some(vec![limited])]);
        b = expected.step_with(16.0, b, grads, |module| module.gradients(&[Some(vec![-limited])]));
        assert_eq!(a.values(), b.values());
        assert_eq!(clipped.last_sync(), expected.last_sync());
        // d = 16 * 0.5, A = 0.25, g = -0.5: alpha = 1 - 0.5 * 8 / (8 * 0.25 * 8)
        let sync = clipped.last_sync().expect("each step ends in a sync");
        assert!((sync.alpha.get() - 0.75).abs() < 1e-6 && !sync.clipped, "{sync:?}");
    }
    Ok(())
}

/// The proposal is what the step pulls back, clipped as it is.
#[test]
fn a_proposal_is_clipped_too() -> Result<(), Error> {
    let optimizer = Lookahead::with_config(Sgd::new(), config(1, 0.5))?;
    let mut optimizer = optimizer.with_grad_clipping(GradientClipping::Value(0.5))?;
    let module = vectors(&[&[1.0]]);
    let grads = module.gradients(&[Some(vec![8.0])]);
    let proposal = optimizer.proposal(1.0, &module, &grads).expect("a step that ends in a sync");
    assert_eq!(proposal.values(), [[0.5]]);
    assert_eq!(optimizer.step(1.0, module, grads).values(), [[0.75]]);
    Ok(())
}

#[test]
fn a_record_knows_its_clipping() -> Result<(), Error> {
    let module = vectors(&[&[1.0]]);
    let with = |clipping| Lookahead::new(Sgd::new()).with_grad_clipping(clipping);
    let record = with(GradientClipping::Norm(0.5))?.to_record(&module)?;
    assert!(with(GradientClipping::Norm(0.5))?.load_record(&record, &module).is_ok());
    for other in [Lookahead::new(Sgd::new()), with(GradientClipping::Norm(0.25))?, with(GradientClipping::Value(0.5))?]
    {
        let error = other.load_record(&record, &module).err();
        assert!(error.is_some_and(|error| error.to_string().contains("clip")));
    }
    Ok(())
}

#[test]
fn thresholds_are_above_zero_and_finite() {
    for threshold in [0.0, -1.0, f32::NAN, f32::INFINITY] {
        for clipping in [GradientClipping::Norm(threshold), GradientClipping::Value(threshold)] {
            let error = Lookahead::new(Sgd::new()).with_grad_clipping(clipping).err();
            assert!(matches!(error, Some(Error::Hyperparameter(lookahead::Error::OutOfRange { .. }))), "{error:?}");
        }
    }
}
