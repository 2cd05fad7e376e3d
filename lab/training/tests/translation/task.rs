//! The task on made sentences: what a step sees, what is evaluated and written, and runs that are stopped.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use burn::module::Module;
use burn::tensor::Device;
use lookahead_data::{Data, Pairs, Subwords};
use lookahead_models::bleu::corpus_bleu;
use lookahead_models::config::{ModelConfig, TransformerConfig};
use lookahead_models::decode::beam_search;
use lookahead_runs::Stop;
use lookahead_runs::{Measure, MetricsRow};
use lookahead_training::Error;
use lookahead_training::checkpoint::{Checkpoint, Position};
use lookahead_training::config::RunConfig;
use lookahead_training::run::run;
use lookahead_training::task::{Part, Task, Translation};
use lookahead_training::train::Observer;
use serde_json::Value;

use super::formula::values;

/// A run of a second with some keys of its own before the tables.
fn config(keys: &str) -> RunConfig {
    let text = format!(
        "batch_size = 200
         {keys}
         data = {{ name = 'made_pairs', train = 300, valid = 20, words = 10 }}
         model = {{ layers = 1, width = 32, heads = 2, feed_forward = 64 }}
         decoding = {{ beam = 2, longest_extra = 3 }}
         optimizer = {{ name = 'lookahead', inner = {{ name = 'adam', beta2 = 0.98 }} }}
         schedule = {{ learning_rate = 5e-3, warmup_steps = 20 }}"
    );
    RunConfig::parse(&text, "run.toml").unwrap()
}

fn transformer(config: &RunConfig) -> &TransformerConfig {
    match &config.model {
        ModelConfig::Transformer(model) => model,
        other => panic!("{other:?}"),
    }
}

fn with_task<T>(config: &RunConfig, check: impl FnOnce(&Translation<'_>, &Pairs) -> T) -> T {
    let pairs = Pairs::load(&config.data).unwrap();
    check(&Translation::new(config, transformer(config), &pairs).unwrap(), &pairs)
}

fn batches(task: &Translation<'_>, epoch: u32, first: u32) -> Vec<Vec<u32>> {
    task.batches(epoch, first).map(Result::unwrap).collect()
}

#[test]
fn an_epoch_has_every_pair_once_and_goes_on_from_any_batch() {
    let config = config("");
    with_task(&config, |task, pairs| {
        let all = batches(task, 3, 0);
        assert_eq!(all.len() as u32, task.steps(3));
        let mut indices: Vec<u32> = all.concat();
        indices.sort_unstable();
        assert!(indices.into_iter().eq(0..pairs.train.len() as u32));
        for first in [1, 7, all.len() as u32] {
            assert_eq!(batches(task, 3, first), all[first as usize..]);
        }
        // The same batches in another order.
        let next = batches(task, 4, 0);
        assert_ne!(next, all);
        assert_eq!(next.into_iter().collect::<BTreeSet<_>>(), all.into_iter().collect());
    });
}

#[test]
fn the_loss_of_a_step_depends_on_its_number_and_on_nothing_else() {
    let config = config("");
    let device = Device::flex().autodiff();
    with_task(&config, |task, pairs| {
        let model = task.initial_model(&device);
        let batch = &batches(task, 0, 0)[0];
        let loss = |step| values(task.loss(&model, batch, &(), step, &device).0)[0];
        assert_eq!(loss(4), loss(4));
        assert_ne!(loss(4), loss(5));
        // An untrained model knows nothing; evaluation has no dropout, and no number of a step.
        let guess = (pairs.subwords.len() as f64).ln();
        let score = task.evaluate(&model.valid(), Part::Valid, &Device::flex(), &Stop::new()).unwrap();
        assert!((score.scores.get(Measure::ValidLoss).unwrap() - guess).abs() < 1.0, "{score:?} beside {guess}");
        assert_eq!(task.evaluate(&model.valid(), Part::Valid, &Device::flex(), &Stop::new()).unwrap(), score);
        assert!(score.scores.measures().eq([Measure::ValidLoss]));
    });
}

#[test]
fn the_loss_is_the_mean_of_target_subwords_however_they_are_batched() {
    let device = Device::flex();
    let losses = ["batch_size = 20", "batch_size = 60", "batch_size = 1000"].map(|size| {
        let mut config = config("");
        config.batch_size = size.rsplit(' ').next().unwrap().parse().unwrap();
        with_task(&config, |task, _| {
            let model = task.initial_model(&device);
            [Part::Train, Part::Valid].map(|part| {
                task.evaluate(&model, part, &device, &Stop::new()).unwrap().scores.get(part.loss()).unwrap()
            })
        })
    });
    for loss in &losses[1..] {
        assert!(loss.iter().zip(&losses[0]).all(|(one, other)| (one - other).abs() < 1e-5), "{losses:?}");
    }
    assert_ne!(losses[0][0], losses[0][1]);
}

/// Stops a run after some steps.
struct StopAt<'a> {
    step: u64,
    stop: &'a Stop,
    losses: Vec<f64>,
}

impl Observer for StopAt<'_> {
    fn stepped(&mut self, step: u64) {
        if step >= self.step {
            self.stop.ask();
        }
    }

    fn evaluated(&mut self, row: &MetricsRow) {
        self.losses.extend(row.scores.get(Measure::ValidLoss));
    }
}

/// Runs up to a step, and gives the losses on the way; the run is over if that step is beyond its end.
fn run_to(step: u64, config: &RunConfig, folder: &Path) -> Result<Vec<f64>, Error> {
    let stop = Stop::new();
    let mut observer = StopAt { step, stop: &stop, losses: Vec::new() };
    run(config, &Data::load(&config.data).unwrap(), folder, &mut observer, &stop)?;
    Ok(observer.losses)
}

fn result(folder: &Path) -> Value {
    let mut result: Value = serde_json::from_slice(&fs::read(folder.join("result.json")).unwrap()).unwrap();
    // What tells the time, and the checksums of files that do.
    for key in ["seconds", "data_wait", "peak_memory", "files", "sha256"] {
        result.as_object_mut().unwrap().remove(key);
    }
    result
}

#[test]
fn a_run_learns_to_translate_and_leaves_its_subwords_and_translations() {
    let config = config("epochs = 12");
    let folder = tempfile::tempdir().unwrap();
    let losses = run_to(u64::MAX, &config, folder.path()).unwrap();
    assert!(losses.last().unwrap() < &(losses[0] / 2.0), "{losses:?}");
    let pairs = Pairs::load(&config.data).unwrap();
    let subwords = fs::read_to_string(folder.path().join("subwords.json")).unwrap();
    assert_eq!(Subwords::from_json(&subwords, "subwords.json").unwrap(), pairs.subwords);

    let result = result(folder.path());
    for (part, name, loss) in [(&pairs.valid, "valid", "valid_loss"), (&pairs.test, "test", "test_loss")] {
        assert!(result[loss].as_f64().unwrap() < losses[0], "{result}");
        let lines = fs::read_to_string(folder.path().join(format!("translations-{name}.jsonl"))).unwrap();
        let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), part.len());
        for (line, pair) in lines.iter().zip(part) {
            assert_eq!(
                (&line["source"], &line["reference"]),
                (&pair.source_text.clone().into(), &pair.target_text.clone().into())
            );
        }
        let column = |key: &str| lines.iter().map(|line| line[key].as_str().unwrap().to_owned()).collect::<Vec<_>>();
        let bleu = corpus_bleu(&column("translation"), &column("reference")).unwrap().score;
        assert!(bleu > 5.0, "{bleu}: {lines:?}");
        assert_eq!(result[format!("{name}_bleu")].as_f64(), Some(bleu));
    }
}

#[test]
fn a_run_stopped_within_epochs_and_cycles_ends_in_the_same_bits() {
    let config = config("epochs = 3\ncheckpoint_every = 4");
    let [whole, stopped] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let expected = run_to(u64::MAX, &config, whole.path()).unwrap();
    let mut losses = Vec::new();
    for step in [3, 4, 16, 27] {
        assert!(matches!(run_to(step, &config, stopped.path()), Err(Error::Interrupted)), "at {step}");
    }
    losses.extend(run_to(u64::MAX, &config, stopped.path()).unwrap());
    assert!(expected.ends_with(&losses) && !losses.is_empty());
    assert_eq!(result(stopped.path()), result(whole.path()));
    let Position { step, epoch, .. } = Checkpoint::read(whole.path()).unwrap().unwrap().position;
    let checkpoint = format!("checkpoint/step-{step:08}-{epoch:04}");
    let of_checkpoint =
        ["model.safetensors", "slow.safetensors", "optimizer.record"].map(|name| format!("{checkpoint}/{name}"));
    let translations = ["translations-valid.jsonl", "translations-test.jsonl"].map(str::to_owned);
    for name in of_checkpoint.iter().chain(&translations) {
        let [ours, expected] = [&stopped, &whole].map(|folder| fs::read(folder.path().join(name)).unwrap());
        assert!(ours == expected, "{name} differs");
    }
}

/// Where a wide search leaves room for short sentences only, of the longer ones the beginning is translated, and counted.
#[test]
fn sentences_that_there_is_no_room_for_are_translated_from_their_beginning_and_counted() {
    // 2^27 numbers / 64 hypotheses / (2 x 64 x 6) numbers a subword = 2730 subwords, of a sentence and what is added.
    let wide = config("epochs = 1").to_toml();
    let wide = wide.replace("beam = 2", "beam = 64").replace("longest_extra = 3", "longest_extra = 2725");
    let wide = wide.replace("layers = 1", "layers = 6").replace("width = 32", "width = 64");
    let wide = wide.replace("length_penalty = 0.6", "length_penalty = 0.0");
    let config = RunConfig::parse(&wide, "run.toml").unwrap();
    let longest = 4; // and its end
    let pairs = Pairs::load(&config.data).unwrap();
    let cut = pairs.valid.iter().filter(|pair| pair.source.len() > longest).count();
    assert!(0 < cut && cut < pairs.valid.len());

    let folder = tempfile::tempdir().unwrap();
    run_to(u64::MAX, &config, folder.path()).unwrap();
    let result = result(folder.path());
    assert_eq!(result["valid_cut"], cut, "{result}");
    assert!(result.get("valid_skipped").is_none(), "all of them are evaluated");

    let device = Device::flex();
    with_task(&config, |task, _| {
        let model = task.initial_model(&device);
        let decoding = config.decoding.as_ref().unwrap();
        let mut heard = vec![];
        let mut progress = |done, all| heard.push((done, all));
        let stop = Stop::new();
        let score = task.measure_at_end(&model, Part::Valid, folder.path(), &device, &mut progress, &stop).unwrap();
        assert_eq!(heard.last(), Some(&(pairs.valid.len(), pairs.valid.len())));
        assert_eq!(score.cut, cut as u64);
        let beginnings: Vec<Vec<u32>> =
            pairs.valid.iter().map(|pair| pair.source.iter().copied().take(longest).collect()).collect();
        let expected = beam_search(&model, &beginnings, decoding, &device, &mut |_, _| {}, &Stop::new()).unwrap();
        let lines = fs::read_to_string(folder.path().join("translations-valid.jsonl")).unwrap();
        for (line, expected) in lines.lines().zip(expected) {
            let line: Value = serde_json::from_str(line).unwrap();
            assert_eq!(line["translation"], pairs.subwords.decode(&expected));
        }
    });
}
