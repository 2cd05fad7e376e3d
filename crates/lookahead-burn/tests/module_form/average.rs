//! Averages of a module's weights, against numbers worked out by hand.

use lookahead::{Averaging, Error};
use lookahead_burn::{Averaged, RuleSet, Sgd};

use crate::{step, vectors};

/// The weight to evaluate after each step of SGD that starts at 8 and takes these gradients.
fn averages(averaging: Averaging, gradients: &[f64]) -> Vec<f64> {
    let mut optimizer = Averaged::new(RuleSet::new(Sgd::new()), averaging);
    let mut module = vectors(&[&[8.0]]);
    let mut seen = Vec::new();
    for &gradient in gradients {
        module = step(&mut optimizer, module, 1.0, &[gradient]);
        seen.push(optimizer.average_model(&module).values()[0][0]);
    }
    seen
}

#[test]
fn means_are_of_the_weights_after_each_step() -> Result<(), Error> {
    assert_eq!(averages(Averaging::Running { start: 0 }, &[1.0; 4]), [7.0, 6.5, 6.0, 5.5]);
    // before the average begins, the weights themselves
    assert_eq!(averages(Averaging::Running { start: 2 }, &[1.0; 5]), [7.0, 6.0, 5.0, 4.5, 4.0]);
    assert_eq!(averages(Averaging::exponential(0.75)?, &[1.0; 3]), [7.0, 6.75, 6.3125]);
    Ok(())
}

#[test]
fn what_is_not_finite_never_reaches_a_mean() -> Result<(), Error> {
    assert_eq!(averages(Averaging::Running { start: 0 }, &[1.0, f64::NAN]), [7.0, 7.0]);
    assert_eq!(averages(Averaging::exponential(0.5)?, &[f64::INFINITY, 1.0]), [8.0, 8.0]);
    Ok(())
}
