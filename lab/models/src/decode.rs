//! The search for translations: beam search with a length penalty (Vaswani et al. 2017, Sec. 6.1; Wu et al. 2016, Sec. 7).

mod search;

use burn::tensor::{Device, Int, Tensor, TensorData};
use rayon::prelude::*;

use self::search::Search;
use crate::config::DecodingConfig;
use crate::{Dropout, Sequences, Transformer};
use lookahead_burn::values_now;
use lookahead_runs::{Interrupted, Stop};

/// Why there are no translations.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// They are no longer wanted.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// The device failed.
    #[error(transparent)]
    Device(#[from] lookahead_burn::Error),
}

/// Sentences that are translated at once, at most.
const SENTENCES: usize = 64;

/// The best translation that a beam search finds for each source, both without special subwords.
///
/// In each step the `beam` most likely continuations of a sentence's hypotheses are looked at: those that end are
/// finished, and the `beam` best others live on. A finished one scores log P / ((5 + length) / 6)^alpha, its end counted
/// in its length; it ends at the latest after `longest_extra` subwords more than its source has. The search of a sentence
/// stops when `beam` hypotheses are finished, or none that lives can score more than the best of them. Among equals, the
/// better hypothesis' and then the lower subword is preferred.
///
/// It is done for many sentences at a time, those of similar length together, as many as the model's
/// [`Room`](crate::Room) says; the encoder runs once a sentence, the decoder once a subword. `model` and `device`
/// are without autodiff. `progress` hears how many sentences of how many are translated.
///
/// # Errors
/// [`DecodeError`]: `stop` is looked at once a subword.
pub fn beam_search(
    model: &Transformer,
    sources: &[Vec<u32>],
    config: &DecodingConfig,
    device: &Device,
    progress: &mut dyn FnMut(usize, usize),
    stop: &Stop,
) -> Result<Vec<Vec<u32>>, DecodeError> {
    let mut order: Vec<usize> = (0..sources.len()).collect();
    order.sort_by_key(|&index| sources[index].len());
    let mut translations = vec![Vec::new(); sources.len()];
    let mut rest = &order[..];
    while !rest.is_empty() {
        // One more for the end of the sentence. The last one that is taken is the longest.
        let fits = |count: &usize| *count <= model.room().sentences(sources[rest[count - 1]].len() + 1, config);
        let count = (1..=rest.len().min(SENTENCES)).rev().find(fits).unwrap_or(1);
        let (batch, others) = rest.split_at(count);
        rest = others;
        let searches = batch.iter().map(|&index| Search::new(index, sources[index].len(), config)).collect();
        let of_batch = Sequences::sources(batch.iter().map(|&index| &sources[index][..]), device);
        for search in search_all(model, &of_batch, searches, device, stop)? {
            let sentence = search.sentence;
            translations[sentence] = search.into_best();
        }
        progress(sources.len() - rest.len(), sources.len());
    }
    Ok(translations)
}

/// Brings the search of every sentence to its end.
fn search_all(
    model: &Transformer,
    sources: &Sequences,
    mut searches: Vec<Search>,
    device: &Device,
    stop: &Stop,
) -> Result<Vec<Search>, DecodeError> {
    let mut decoding = model.start(&model.encode(sources, &mut Dropout::evaluation()));
    let mut done = Vec::new();
    while let Some(beam) = searches.first().map(Search::beam) {
        stop.check()?;
        let last: Vec<i64> = searches.iter().flat_map(Search::last_subwords).map(i64::from).collect();
        let last = Tensor::<2, Int>::from_data(TensorData::new(last, [searches.len(), beam]), device);
        let scores = model.step(last, &mut decoding);
        let [.., vocabulary] = scores.dims();
        let scores: Vec<f32> = values_now(scores)?.iter::<f32>().collect();
        let advanced = searches.par_iter_mut().zip(scores.par_chunks(beam * vocabulary)).enumerate();
        let from = advanced.flat_map_iter(|(sentence, (search, scores))| {
            search.advance(scores, vocabulary).into_iter().map(move |hypothesis| sentence * beam + hypothesis)
        });
        let from: Vec<usize> = from.collect();
        decoding.reorder(&from);
        let going_on: Vec<usize> = (0..searches.len()).filter(|&index| !searches[index].is_done()).collect();
        done.extend(searches.extract_if(.., |search| search.is_done()));
        if !going_on.is_empty() && going_on.len() * beam < from.len() {
            decoding.keep(&going_on);
        }
    }
    Ok(done)
}
