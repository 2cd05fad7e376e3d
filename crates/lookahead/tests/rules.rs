//! The inner rules against steps worked out by hand: PyTorch's definitions, first steps included.

use lookahead::rules::{AdaFactor, Adam, AdamW, Sgd};
use lookahead::{Error, Grads, InnerStatePolicy, Lookahead, LookaheadConfig, Optimizer, ParamSet};

/// The weight after each step from 1, with learning rate 0.5 and the gradients given.
fn run<O: Optimizer<f64>>(rule: &O, gradients: &[f64]) -> Result<Vec<f64>, Error> {
    let mut params = ParamSet::new();
    params.push("w", [1], vec![1.0])?;
    let mut state = rule.init(&params);
    let mut seen = Vec::new();
    for &gradient in gradients {
        let grads = Grads::new(&params, [Some(vec![gradient])])?;
        rule.step(0.5, &mut params, &grads, &mut state);
        seen.push(params.slice(0)[0]);
    }
    Ok(seen)
}

fn assert_close(found: &[f64], expected: &[f64]) {
    let close = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-12;
    assert!(found.len() == expected.len() && found.iter().zip(expected).all(close), "{found:?}, expected {expected:?}");
}

#[test]
fn sgd() -> Result<(), Error> {
    assert_eq!(run(&Sgd::new(), &[1.0, -2.0])?, [0.5, 1.5]);
    // g = 1 + 0.5 * 1, then -2 + 0.5 * 0.25
    assert_eq!(run(&Sgd::new().with_weight_decay(0.5)?, &[1.0, -2.0])?, [0.25, 1.1875]);
    Ok(())
}

#[test]
fn sgd_with_momentum() -> Result<(), Error> {
    let heavy_ball = Sgd::new().with_momentum(0.5)?;
    // v = 1, then 0.5 - 2, then -0.75 + 4
    assert_eq!(run(&heavy_ball, &[1.0, -2.0, 4.0])?, [0.5, 1.25, -0.375]);
    // the first gradient enters the velocity undamped: v = 1, then 0.5 - 0.5, then 0 + 1
    assert_eq!(run(&heavy_ball.with_dampening(0.75)?, &[1.0, -2.0, 4.0])?, [0.5, 0.5, 0.0]);
    // g + 0.5 v = 1 + 0.5, then -2 - 0.75
    assert_eq!(run(&heavy_ball.with_nesterov()?, &[1.0, -2.0])?, [0.25, 1.625]);
    Ok(())
}

/// A tensor's first step is its own, whenever it comes.
#[test]
fn the_first_step_of_each_tensor_is_undamped() -> Result<(), Error> {
    let rule = Sgd::new().with_momentum(0.5)?.with_dampening(0.75)?;
    let mut params = ParamSet::new();
    params.push("early", [1], vec![1.0])?.push("late", [1], vec![1.0])?;
    let mut state = rule.init(&params);
    for late in [None, Some(vec![1.0])] {
        let grads = Grads::new(&params, [Some(vec![1.0]), late])?;
        rule.step(0.5, &mut params, &grads, &mut state);
    }
    // early: v = 1, then 0.5 + 0.25; late: v = 1
    assert_eq!(params.to_vecs(), [[0.125], [0.5]]);
    Ok(())
}

#[test]
fn adam() -> Result<(), Error> {
    // Without epsilon the first step is gamma long; with beta = (0.5, 0.75) and gradients 1 and 3 the second has
    // m = 0.25 + 1.5 over 0.75 and v = 0.1875 + 2.25 over 0.4375.
    let adam = Adam::new().with_betas(0.5, 0.75)?.with_epsilon(0.0)?;
    let second = (1.75 / 0.75) / (2.4375_f64 / 0.4375).sqrt();
    assert_close(&run(&adam, &[1.0, 3.0])?, &[0.5, 0.5 - 0.5 * second]);
    // epsilon stands outside the root
    assert_close(&run(&adam.with_epsilon(1.0)?, &[3.0])?, &[1.0 - 0.5 * 3.0 / 4.0]);
    // coupled weight decay enters the gradient: the direction of 1 - 2 * 1
    assert_close(&run(&adam.with_weight_decay(2.0)?, &[-1.0])?, &[0.5]);
    Ok(())
}

#[test]
fn adam_w() -> Result<(), Error> {
    let rule = AdamW::new().with_betas(0.5, 0.75)?.with_epsilon(0.0)?;
    // theta (1 - gamma lambda) - gamma: 0.995 - 0.5 by default
    assert_close(&run(&rule, &[1.0])?, &[0.495]);
    assert_close(&run(&rule.with_weight_decay(0.5)?, &[1.0, 1.0])?, &[0.25, 0.1875 - 0.5]);
    Ok(())
}

#[test]
fn ada_factor() -> Result<(), Error> {
    // rho = min(0.5, 1/sqrt(t)), times the weight's size; the update g / sqrt(v) is 1 at first
    let rule = AdaFactor::new();
    let first = 1.0 - 0.5;
    // the second moment keeps 1 - 2^-0.8 of 4: v = 4 + 2^-0.8 (16 - 4), and the update is clipped at 1
    let rest = 2.0_f64.powf(-0.8);
    let update = (4.0 / (4.0 + rest * 12.0).sqrt()).min(1.0);
    assert_close(&run(&rule, &[2.0, 4.0])?, &[first, first - 0.5 * first * update]);
    let small = (0.5 / (4.0 + rest * (0.25 - 4.0)).sqrt()).min(1.0);
    assert_close(&run(&rule, &[2.0, 0.5])?, &[first, first - 0.5 * first * small]);
    Ok(())
}

/// The second moment of a matrix is the product of its row and column means over their mean.
#[test]
fn ada_factor_of_a_matrix() -> Result<(), Error> {
    let rule = AdaFactor::new();
    let mut params = ParamSet::new();
    params.push("w", [2, 2], vec![1.0, 1.0, -1.0, 1.0])?;
    let mut state = rule.init(&params);
    // squares 1, 4; 4, 16: row means 2.5, 10; column means 2.5, 10; mean 6.25, so v is 1, 4; 4, 16 again
    let grads = Grads::new(&params, [Some(vec![1.0, -2.0, 2.0, 4.0])])?;
    rule.step(0.5, &mut params, &grads, &mut state);
    assert_close(params.slice(0), &[0.5, 1.5, -1.5, 0.5]);
    Ok(())
}

/// On a constant gradient the root of the corrected second moment is the gradient's size, after interpolations too.
#[test]
fn ada_factor_interpolates_its_bias_correction() -> Result<(), Error> {
    let config = LookaheadConfig::new().with_inner_state(InnerStatePolicy::Interpolate);
    // clipping would hide an update that is too long
    let optimizer = Lookahead::with_config(AdaFactor::new().with_clipping(1e6)?, config)?;
    let mut params = ParamSet::new();
    params.push("vector", [1], vec![1.0])?.push("matrix", [1, 1], vec![1.0])?;
    let mut state = optimizer.init(&params);
    for step in 1..=40 {
        let before = params.to_vecs();
        let grads = Grads::new(&params, [Some(vec![0.5]), Some(vec![2.0])])?;
        optimizer.step(0.01, &mut params, &grads, &mut state);
        if step % 5 != 0 {
            for (before, after) in before.iter().zip(params.iter()) {
                assert_close(after.values(), &[before[0] - 0.01 * before[0]]);
            }
        }
    }
    Ok(())
}
