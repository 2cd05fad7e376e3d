//! A fresh gradient for the adaptive alpha: one more pass through the network, which batch norm does not count.

use std::fs;

use safetensors::SafeTensors;

use super::support::{Bench, stderr};

/// One cycle of five steps.
const CYCLE: &str = "
epochs = 1
batch_size = 32
data = { name = 'digits', train_limit = 160, valid_limit = 20 }
model = { name = 'cnn', channels = [4, 8] }
optimizer = { name = 'lookahead', adaptive = { gradient = 'last' }, inner = { name = 'sgd', momentum = 0.9 } }
schedule.learning_rate = 0.05
";

/// The batch-norm statistics of the last checkpoint, as bytes.
fn statistics(config: &str) -> Vec<(String, Vec<u8>)> {
    let bench = Bench::new(config);
    let output = bench.train();
    assert!(output.status.success(), "{}", stderr(&output));
    let model = bench.bits().remove(0).1;
    let tensors = SafeTensors::deserialize(&model).unwrap();
    let mut found: Vec<_> = tensors.iter().filter(|(name, _)| name.contains("running")).collect();
    found.sort_by_key(|(name, _)| *name);
    found.into_iter().map(|(name, view)| (name.to_owned(), view.data().to_vec())).collect()
}

#[test]
fn batch_norm_does_not_count_the_pass_for_a_fresh_gradient() {
    let fresh = CYCLE.replace("'last'", "'fresh'");
    // The weights of all five steps are the same, and so is what batch norm saw of them.
    let [of_last, of_fresh] = [CYCLE, &fresh].map(statistics);
    assert_eq!(of_last.len(), 4);
    assert!(of_fresh == of_last, "the statistics differ");
}

#[test]
fn a_fresh_gradient_inside_another_optimizer_is_refused() {
    let inside = "{ name = 'lookahead', adaptive = { gradient = 'fresh' }, inner.name = 'sgd' }";
    for outer in ["name = 'averaged'", "name = 'lookahead'\nsync_period = 5"] {
        let bench = Bench::new(&format!("schedule.learning_rate = 0.1\n[optimizer]\n{outer}\ninner = {inside}\n"));
        let output = bench.train();
        assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
        let line = 3 + outer.lines().count();
        for word in [&format!("run.toml:{line}:"), "optimizer.inner.adaptive.gradient", "\"last\"", "outermost"] {
            assert!(stderr(&output).contains(word), "{word:?} is not in\n{}", stderr(&output));
        }
        assert!(fs::read_dir(bench.path()).unwrap().count() == 1, "nothing was begun");
    }
}
