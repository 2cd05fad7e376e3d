//! Sequences of subwords of unequal length in one tensor.

use burn::tensor::{Device, Int, Tensor, TensorData};

use lookahead_data::{BOS, EOS, PAD};

/// Sequences of subwords side by side, filled up behind their ends with padding, which nothing that is computed of them
/// depends on.
#[derive(Debug, Clone)]
pub struct Sequences {
    pub(super) subwords: Tensor<2, Int>,
    pub(super) lengths: Vec<usize>,
}

impl Sequences {
    /// Source sentences `[sentences, longest + 1]`, the end of the sentence added to each.
    #[must_use]
    pub fn sources<'a>(sentences: impl Iterator<Item = &'a [u32]> + Clone, device: &Device) -> Self {
        Self::new(sentences.map(|sentence| sentence.iter().copied().chain([EOS])), device)
    }

    /// What a decoder is given to predict target sentences: `[sentences, longest + 1]`, each behind a mark of its
    /// beginning.
    #[must_use]
    pub fn targets<'a>(sentences: impl Iterator<Item = &'a [u32]> + Clone, device: &Device) -> Self {
        Self::new(sentences.map(|sentence| [BOS].into_iter().chain(sentence.iter().copied())), device)
    }

    fn new<S: Iterator<Item = u32>>(sentences: impl Iterator<Item = S> + Clone, device: &Device) -> Self {
        let lengths: Vec<usize> = sentences.clone().map(Iterator::count).collect();
        let longest = lengths.iter().copied().max().unwrap_or(0);
        let padded = |sentence: S| sentence.chain(std::iter::repeat(PAD)).take(longest).map(i64::from);
        let subwords: Vec<i64> = sentences.flat_map(padded).collect();
        let subwords = Tensor::from_data(TensorData::new(subwords, [lengths.len(), longest]), device);
        Self { subwords, lengths }
    }

    /// The number of sequences and the length of the longest.
    #[must_use]
    pub fn dims(&self) -> [usize; 2] {
        self.subwords.dims()
    }
}
