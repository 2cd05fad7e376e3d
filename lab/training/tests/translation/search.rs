//! Beam search against searches that are written out with the whole model, without cache, batch and beam.

use std::num::NonZeroU32;

use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Int, Tensor, TensorData};
use lookahead_models::config::DecodingConfig;
use lookahead_models::decode::beam_search;
use lookahead_models::{Dropout, Transformer};
use lookahead_runs::Stop;

use super::formula::{assert_near, values};
use super::{small, sources, targets};

const BEGIN: u32 = 1;
const END: usize = 2;
/// Padding and the mark of the beginning are never a translation's.
const FIRST_WORD: usize = 3;

fn model(vocabulary: usize, seed: u64) -> Transformer {
    Transformer::new(&small(8, 16), vocabulary, seed, &Device::flex())
}

fn decoding(beam: u32, length_penalty: f64, longest_extra: u32) -> DecodingConfig {
    let count = |count| NonZeroU32::new(count).unwrap();
    DecodingConfig { beam: count(beam), length_penalty, longest_extra: count(longest_extra) }
}

/// The log-probabilities of each next subword after `target`.
fn after(model: &Transformer, source: &[u32], target: &[u32]) -> Vec<f64> {
    let device = Device::flex();
    let (source, positions) = (sources(&[source], &device), target.len() + 1);
    let scores = model.forward(&source, &targets(&[target], &device), &mut Dropout::evaluation());
    values(log_softmax(scores, 2).slice([0..1, positions - 1..positions]))
}

fn greedy(model: &Transformer, source: &[u32], longest: usize) -> Vec<u32> {
    let mut target = Vec::new();
    while target.len() < longest {
        let next = after(model, source, &target);
        let best = (END..next.len()).max_by(|&one, &other| next[one].total_cmp(&next[other])).unwrap();
        if best == END {
            break;
        }
        target.push(best as u32);
    }
    target
}

/// The best of all translations, and how many there are.
fn exhaustive(model: &Transformer, source: &[u32], longest: usize, alpha: f64) -> (Vec<u32>, usize) {
    let (mut best, mut best_score, mut count) = (Vec::new(), f64::NEG_INFINITY, 0);
    let mut open = vec![(Vec::new(), 0.0)];
    while let Some((target, log_probability)) = open.pop() {
        let next = after(model, source, &target);
        let length = target.len() as f64 + 1.0;
        let score = (log_probability + next[END]) / ((5.0 + length) / 6.0).powf(alpha);
        count += 1;
        if score > best_score {
            (best, best_score) = (target.clone(), score);
        }
        if target.len() < longest {
            let continued = |word: usize| {
                let target = [&target[..], &[word as u32]].concat();
                (target, log_probability + next[word])
            };
            open.extend((FIRST_WORD..next.len()).map(continued));
        }
    }
    (best, count)
}

const SENTENCES: [&[u32]; 6] = [&[3, 4, 5, 6, 7], &[8], &[9, 10, 3], &[4, 4], &[5, 9, 8, 7, 6, 5, 4], &[3, 3]];

fn sentences() -> Vec<Vec<u32>> {
    SENTENCES.iter().map(|sentence| sentence.to_vec()).collect()
}

fn search(model: &Transformer, sources: &[Vec<u32>], decoding: &DecodingConfig, device: &Device) -> Vec<Vec<u32>> {
    beam_search(model, sources, decoding, device, &mut |_, _| {}, &Stop::new()).unwrap()
}

#[test]
fn a_beam_of_one_is_the_greedy_search() {
    let mut lengths = Vec::new();
    for seed in 0..6 {
        let model = model(11, seed);
        let found = search(&model, &sentences(), &decoding(1, 0.6, 4), &Device::flex());
        for (source, found) in SENTENCES.iter().zip(&found) {
            assert_eq!(*found, greedy(&model, source, source.len() + 4), "of {source:?}, seed {seed}");
            lengths.push(found.len().cmp(&(source.len() + 4)));
        }
    }
    lengths.sort();
    lengths.dedup();
    assert_eq!(lengths.len(), 2, "some end by themselves, some at the greatest length");
}

#[test]
fn a_beam_that_holds_everything_is_the_exhaustive_search() {
    let mut translations = Vec::new();
    for seed in 0..12 {
        // Two words: 1 + 2 + 4 + 8 translations of at most 3.
        let model = model(5, seed);
        for alpha in [0.0, 0.6, 2.0] {
            let (best, count) = exhaustive(&model, &[3, 4], 3, alpha);
            assert_eq!(count, 15);
            let found = search(&model, &[vec![3, 4]], &decoding(15, alpha, 1), &Device::flex());
            assert_eq!(found[0], best, "seed {seed}, alpha {alpha}");
            translations.push(best);
        }
    }
    translations.sort();
    translations.dedup();
    assert!(translations.len() >= 3, "{translations:?}");
}

#[test]
fn sentences_are_translated_alike_alone_and_together() {
    for seed in 0..6 {
        let (model, decoding, device) = (model(11, seed), decoding(4, 0.6, 6), Device::flex());
        let together = search(&model, &sentences(), &decoding, &device);
        let alone: Vec<Vec<u32>> =
            sentences().into_iter().flat_map(|source| search(&model, &[source], &decoding, &device)).collect();
        assert_eq!(together, alone);
    }
}

#[test]
fn many_sentences_keep_their_places() {
    let (model, decoding, device) = (model(11, 1), decoding(2, 0.6, 2), Device::flex());
    let few = search(&model, &sentences(), &decoding, &device);
    let many: Vec<Vec<u32>> = sentences().into_iter().cycle().take(150).collect();
    let expected: Vec<Vec<u32>> = few.into_iter().cycle().take(150).collect();
    assert_eq!(search(&model, &many, &decoding, &device), expected);
    assert!(search(&model, &[], &decoding, &device).is_empty());
}

#[test]
fn step_by_step_the_scores_are_those_of_the_whole() {
    let (model, device) = (model(11, 2), Device::flex());
    let sources = sources(&SENTENCES[..2], &device);
    let target: [&[u32]; 4] = [&[3, 4, 5, 6], &[7, 8, 9, 10], &[10, 9, 8, 7], &[6, 5, 4, 3]];
    // Two hypotheses a sentence, which change places after the second subword.
    let whole = |sentence: usize, hypothesis: usize| -> Vec<f64> {
        let single = super::sources(&SENTENCES[sentence..=sentence], &device);
        let target = targets(&[target[2 * sentence + hypothesis]], &device);
        values(model.forward(&single, &target, &mut Dropout::evaluation()))
    };
    let mut decoding = model.start(&model.encode(&sources, &mut Dropout::evaluation()));
    let mut rows = [0, 1, 2, 3];
    for position in 0..5 {
        let last = rows.map(|row: usize| if position == 0 { BEGIN } else { target[row][position - 1] });
        let last = TensorData::new(last.map(i64::from).to_vec(), [2, 2]);
        let scores = values(model.step(Tensor::<2, Int>::from_data(last, &device), &mut decoding));
        for (row, scores) in rows.iter().zip(scores.chunks(11)) {
            let expected = &whole(row / 2, row % 2)[position * 11..][..11];
            assert_near(scores, expected, 1e-5, "scores");
        }
        if position == 1 {
            decoding.reorder(&[1, 0, 3, 2]);
            rows = [1, 0, 3, 2];
        }
    }
    decoding.keep(&[1]);
    let last = Tensor::<2, Int>::from_data(TensorData::new(vec![3_i64, 4], [1, 2]), &device);
    assert_eq!(model.step(last, &mut decoding).dims(), [1, 2, 11]);
}

#[test]
fn a_model_without_numbers_translates_into_nothing() {
    use lookahead_models::{load_weights, named_weights};
    let model = model(11, 0);
    let mut weights = named_weights(&model).unwrap();
    let count = weights["embedding"].num_elements();
    weights.insert("embedding".to_owned(), TensorData::new(vec![f32::NAN; count], [11, 8]));
    let model = load_weights(model, weights).unwrap();
    assert_eq!(search(&model, &sentences(), &decoding(3, 0.6, 5), &Device::flex()), vec![Vec::<u32>::new(); 6]);
}
