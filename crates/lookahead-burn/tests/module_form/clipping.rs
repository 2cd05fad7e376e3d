//! Burn's clipping of each tensor: what its `init()` adds to a rule, `with_grad_clipping` adds to Lookahead.

use burn::grad_clipping::{GradientClipping, GradientClippingConfig};
use burn::optim::{AdamConfig, ModuleOptimizer};
use lookahead::{Adaptive, CurvaturePower, InnerStatePolicy};
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

/// An adaptive alpha goes by the gradient that the rule saw, also where it is taken anew.
#[test]
fn an_adaptive_alpha_sees_clipped_gradients() -> Result<(), Error> {
    let adaptive = Adaptive { curvature: CurvaturePower::SecondMoment, ..Adaptive::default() };
    let new = || Lookahead::with_config(Sgd::new(), config(2, 0.5).with_adaptive_alpha(adaptive));
    let mut clipped = new()?.with_grad_clipping(GradientClipping::Value(0.5))?;
    let mut expected = new()?;
    let [mut a, mut b] = [vectors(&[&[1.0, 2.0]]), vectors(&[&[1.0, 2.0]])];
    for gradient in [[3.0, -0.25], [0.125, 4.0], [-7.0, 0.25], [0.5, 0.5]] {
        let wanted = gradient.map(|value: f64| value.clamp(-0.5, 0.5));
        let grads = a.gradients(&[Some(gradient.to_vec())]);
        a = clipped.step_with(0.1, a, grads, |module| module.gradients(&[Some(vec![9.0, -9.0])]));
        let grads = b.gradients(&[Some(wanted.to_vec())]);
        b = expected.step_with(0.1, b, grads, |module| module.gradients(&[Some(vec![0.5, -0.5])]));
        assert_eq!(a.values(), b.values());
        assert_eq!(clipped.last_sync(), expected.last_sync());
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
