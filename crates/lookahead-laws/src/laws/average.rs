//! The paper's baseline: what a running mean holds (Polyak and Ruppert).

use lookahead::Averaging;

use crate::compare::assert_close;
use crate::laws::sync::late;
use crate::{Case, Subject};

pub(crate) fn averages_are_of_each_tensors_own_weights<S: Subject>(case: &Case) {
    const STEPS: u64 = 9;
    let Some(Averaging::Running { start }) = case.base.averaging else { panic!("the law concerns running means only") };
    for joined in 0..STEPS {
        let mut with_late = case.clone();
        with_late.tensors.push(late::<S>());
        let mut subject = case.new_subject::<S>(&case.base);
        // of each tensor, the weights that its average holds
        let mut history: Vec<Vec<Vec<f64>>> = vec![Vec::new(); with_late.tensors.len()];
        for step in 0..STEPS {
            if step == joined {
                subject.add(with_late.tensors.last().expect("the late one"));
            }
            let case = if step >= joined { &with_late } else { case };
            case.advance(&mut subject, step..step + 1);
            let weights = subject.weights();
            for (history, weights) in history.iter_mut().zip(&weights).filter(|_| step >= start) {
                history.push(weights.clone());
            }
            let expected: Vec<Vec<f64>> = history
                .iter()
                .zip(&weights)
                .map(|(history, weights)| (0..weights.len()).map(|i| mean(history, weights, i)).collect())
                .collect();
            let what = format_args!("a tensor joined after step {joined}, after step {}", step + 1);
            assert_close(what, 16.0 * S::PRECISION.epsilon(), &subject.slow(), &expected);
        }
    }
}

/// The mean of element `i` over its history; before there is one, its weight.
fn mean(history: &[Vec<f64>], weights: &[f64], i: usize) -> f64 {
    let sum: f64 = history.iter().map(|weights| weights[i]).sum();
    if history.is_empty() { weights[i] } else { sum / history.len() as f64 }
}
