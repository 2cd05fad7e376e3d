//! Decoding subword by subword: what is known of the positions before, so that none is computed twice.

use burn::tensor::{Device, Int, Tensor, TensorData};

/// Sentences in the middle of their translation, each with the same number of hypotheses.
#[derive(Debug, Clone)]
pub struct Decoding {
    /// Of each layer, the keys and values of the encoder's output, `[sentences, source, 2 * width]`.
    pub(super) encoded: Vec<Tensor<3>>,
    /// Of each layer, those of the positions before, `[sentences * hypotheses, position, 2 * width]`; None at the start.
    pub(super) before: Vec<Option<Tensor<3>>>,
    /// Of each source.
    pub(super) lengths: Vec<usize>,
    pub(super) position: usize,
}

impl Decoding {
    /// Replaces the hypotheses: number `i` continues number `from[i]` from now on. They are counted through all sentences,
    /// and stay within their sentence.
    pub fn reorder(&mut self, from: &[usize]) {
        if from.iter().enumerate().any(|(to, &from)| to != from) {
            for before in self.before.iter_mut() {
                *before = before.take().map(|before| select(before, from));
            }
        }
    }

    /// Goes on with these sentences only, in this order.
    pub fn keep(&mut self, sentences: &[usize]) {
        let count = self.lengths.len();
        for encoded in &mut self.encoded {
            *encoded = select(encoded.clone(), sentences);
        }
        for before in self.before.iter_mut() {
            *before = before.take().map(|before| {
                let hypotheses = before.dims()[0] / count;
                let rows = sentences.iter().flat_map(|&sentence| sentence * hypotheses..(sentence + 1) * hypotheses);
                select(before, &rows.collect::<Vec<_>>())
            });
        }
        self.lengths = sentences.iter().map(|&sentence| self.lengths[sentence]).collect();
    }
}

fn select(x: Tensor<3>, rows: &[usize]) -> Tensor<3> {
    let device = x.device();
    x.select(0, indices(rows, &device))
}

fn indices(rows: &[usize], device: &Device) -> Tensor<1, Int> {
    let rows: Vec<i64> = rows.iter().map(|&row| row as i64).collect();
    let count = rows.len();
    Tensor::from_data(TensorData::new(rows, [count]), device)
}
