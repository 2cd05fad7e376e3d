//! The text as the task cuts it up, and what it trains.

use burn::module::{Module, ModuleMapper, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor};
use lookahead_data::Corpus;
use lookahead_models::config::ModelConfig;
use lookahead_models::{AwdLstm, named_weights};
use lookahead_runs::{Measure, Stop};
use lookahead_training::Error;
use lookahead_training::config::RunConfig;
use lookahead_training::task::{LanguageModelling, Memory, Part, Task};

use super::formula::values;
use super::{awd_lstm, run};

fn with_task<T>(config: &RunConfig, check: impl FnOnce(&LanguageModelling<'_>, &Corpus) -> T) -> T {
    let corpus = Corpus::load(&config.data).unwrap();
    check(&LanguageModelling::new(config, awd_lstm(config), &corpus).unwrap(), &corpus)
}

fn sequences(task: &LanguageModelling<'_>, epoch: u32, first: u32) -> Vec<(Vec<u32>, Vec<u32>, u32)> {
    let sequences = task.batches(epoch, first).map(Result::unwrap);
    sequences.map(|sequence| (sequence.inputs, sequence.targets, sequence.steps)).collect()
}

#[test]
fn the_sequences_of_an_epoch_are_the_columns_of_the_text() {
    let config = run("sequence_length = 30", "batch_size = 7");
    with_task(&config, |task, corpus| {
        // 2000 tokens in 7 columns of 285: five are left over.
        for epoch in 0..3 {
            let (mut inputs, mut targets) = (vec![Vec::<u32>::new(); 7], vec![Vec::<u32>::new(); 7]);
            for (input, target, steps) in sequences(task, epoch, 0) {
                assert_eq!((input.len(), target.len()), (7 * steps as usize, 7 * steps as usize));
                for column in 0..7 {
                    inputs[column].extend(input.iter().skip(column).step_by(7));
                    targets[column].extend(target.iter().skip(column).step_by(7));
                }
            }
            for column in 0..7 {
                let text = &corpus.train[285 * column..285 * (column + 1)];
                assert_eq!(inputs[column], text[..284]);
                assert_eq!(targets[column], text[1..]);
            }
        }
    });
}

#[test]
fn lengths_vary_about_the_base_and_rates_with_them() {
    let config = run("sequence_length = 40", "batch_size = 2");
    with_task(&config, |task, _| {
        let mut lengths = Vec::new();
        for epoch in 0..60 {
            let all = task.batches(epoch, 0).map(Result::unwrap).collect::<Vec<_>>();
            assert_eq!(all.len() as u32, task.steps(epoch));
            for sequence in &all[..all.len() - 1] {
                assert_eq!(task.rate_factor(sequence), f64::from(sequence.steps) / 40.0);
                lengths.push(f64::from(sequence.steps));
            }
        }
        assert_ne!(sequences(task, 0, 0)[0].2, sequences(task, 1, 0)[0].2);
        // 95 of 100 have mean 40, the others 20; the fraction is cut off: 38.5 in the mean.
        let mean = lengths.iter().sum::<f64>() / lengths.len() as f64;
        assert!((mean - 38.5).abs() < 0.6, "{mean} of {}", lengths.len());
        let short = lengths.iter().filter(|length| **length < 30.0).count() as f64 / lengths.len() as f64;
        assert!((short - 0.065).abs() < 0.03, "{short}");
        assert!(lengths.iter().all(|length| *length >= 5.0));
    });
}

#[test]
fn fixed_lengths_are_all_the_same_but_the_last() {
    let config = run("sequence_length = 30, variable_length = false", "batch_size = 7");
    with_task(&config, |task, _| {
        let lengths: Vec<u32> = sequences(task, 3, 0).iter().map(|sequence| sequence.2).collect();
        assert_eq!(lengths, [[30; 9].to_vec(), vec![14]].concat());
    });
}

#[test]
fn an_epoch_goes_on_from_any_batch() {
    let config = run("sequence_length = 20", "batch_size = 5");
    with_task(&config, |task, _| {
        let all = sequences(task, 4, 0);
        for first in [1, 7, all.len() as u32] {
            assert_eq!(sequences(task, 4, first), all[first as usize..]);
        }
    });
}

/// The mean loss of some epochs of gradient descent, and the model after them.
fn train(task: &LanguageModelling<'_>, epochs: u32, device: &Device) -> (AwdLstm, Vec<f64>) {
    let mut model = task.initial_model(device);
    let (mut losses, mut step) = (Vec::new(), 0);
    for epoch in 0..epochs {
        let (mut memory, mut sum) = (Default::default(), 0.0);
        for batch in task.batches(epoch, 0).map(Result::unwrap) {
            let (loss, after) = task.loss(&model, &batch, &memory, step, device);
            (memory, step) = (after, step + 1);
            sum += values(loss.clone())[0];
            let gradients = GradientsParams::from_grads(loss.backward(), &model);
            let mut descent = Descent { gradients, rate: 3.0 };
            model = model.map(&mut descent);
        }
        losses.push(sum / f64::from(task.steps(epoch)));
    }
    (model, losses)
}

struct Descent {
    gradients: GradientsParams,
    rate: f64,
}

impl ModuleMapper for Descent {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(gradient) = self.gradients.remove::<D>(param.id) else { return param };
        let rate = self.rate;
        param.map(|tensor| {
            let moved = tensor.inner() - gradient * rate;
            Tensor::from_inner(moved).require_grad()
        })
    }
}

#[test]
fn a_small_model_learns_the_made_language_and_repeats_its_bits() {
    let keys = "sequence_length = 20, input_dropout = 0.1, hidden_dropout = 0, output_dropout = 0.1, weight_drop = 0.1, \
                activation_regularisation = 0.1, temporal_regularisation = 0.1";
    let mut config = run(keys, "batch_size = 10\nseed = 5");
    if let ModelConfig::AwdLstm(model) = &mut config.model {
        (model.layers, model.embedding) = (1.try_into().unwrap(), 16.try_into().unwrap());
    }
    let device = Device::flex().autodiff();
    with_task(&config, |task, corpus| {
        let untrained =
            task.evaluate(&task.initial_model(&device).valid(), Part::Valid, &Device::flex(), &Stop::new()).unwrap();
        // Nothing is known at first: every word is as likely.
        let untrained = untrained.scores.get(Measure::ValidLoss).unwrap();
        assert!((untrained - (corpus.vocabulary.len() as f64).ln()).abs() < 0.1, "{untrained:?}");
        let (model, losses) = train(task, 20, &device);
        assert!(losses[19] < losses[0] - 0.3, "{losses:?}");
        for part in [Part::Train, Part::Valid, Part::Test] {
            let score = task.evaluate(&model.clone().valid(), part, &Device::flex(), &Stop::new()).unwrap();
            assert!(score.scores.get(part.loss()).unwrap() < untrained - 0.3, "{score:?}");
            assert!(score.scores.measures().eq([part.loss()]), "{score:?}");
        }
        let (again, same) = train(task, 20, &device);
        assert_eq!(same, losses);
        assert_eq!(named_weights(&again).unwrap(), named_weights(&model).unwrap());
    });
}

#[test]
fn the_loss_of_a_step_depends_on_its_number_and_the_memory() {
    let config = run("sequence_length = 20", "batch_size = 10");
    let device = Device::flex().autodiff();
    with_task(&config, |task, _| {
        let model = task.initial_model(&device);
        let batch = task.batches(0, 0).next().unwrap().unwrap();
        let loss = |memory: &_, step| {
            let (loss, after) = task.loss(&model, &batch, memory, step, &device);
            (values(loss)[0], after)
        };
        let start = Default::default();
        let (first, memory) = loss(&start, 0);
        assert_eq!(loss(&start, 0).0, first);
        assert_ne!(loss(&start, 1).0, first);
        assert_ne!(loss(&memory, 0).0, first);
        assert_eq!(memory.to_tensors().unwrap().len(), 4);
    });
}

#[test]
fn a_text_too_short_for_its_columns_is_refused_with_both_numbers() {
    let config = run("", "batch_size = 1001");
    let corpus = Corpus::load(&config.data).unwrap();
    let error = LanguageModelling::new(&config, awd_lstm(&config), &corpus).unwrap_err();
    assert!(matches!(error, Error::TextTooShort { part: "training", tokens: 2000, columns: 1001 }), "{error}");
    assert!(error.to_string().contains("2000 tokens") && error.to_string().contains("1001 columns"), "{error}");
}
