//! The Transformer (Vaswani et al. 2017), the translation model of Sec. 5.4.

mod attention;
mod decoding;
mod initial;
mod layer;
mod residual;
mod room;
mod sequences;

use burn::module::{Module, Param};
use burn::tensor::module::embedding;
use burn::tensor::{Device, Int, Tensor, TensorCreationOptions, TensorData};

pub use self::decoding::Decoding;
pub use self::room::Room;
pub use self::sequences::Sequences;

use self::attention::Visible;
use self::initial::Initial;
use self::layer::{DecoderLayer, EncoderLayer};
use super::Dropout;
use crate::config::TransformerConfig;
use lookahead_layers::tied_scores;

/// An encoder and a decoder; one matrix embeds the subwords of both languages and gives the scores of the next subword.
///
/// As published: each sublayer is followed by dropout, the addition of its input and layer normalisation (its epsilon
/// 1e-5, PyTorch's), and the sum of embeddings, times the square root of the width, and sinusoidal positions by dropout.
/// Nothing is dropped out within a sublayer, and no further normalisation follows the last layer.
///
/// ```
/// use lookahead_models::config::ModelConfig;
/// use lookahead_data::config::DataKind;
/// use lookahead_models::{Dropout, Sequences, Transformer};
///
/// let text = "width = 8\nheads = 2\nfeed_forward = 16\nlayers = 1";
/// let read = lookahead_settings::read_document(text, "model.toml", |table| ModelConfig::read(table, DataKind::Pairs));
/// let ModelConfig::Transformer(config) = read? else { panic!("of translations") };
/// let device = burn::tensor::Device::flex();
/// let model = Transformer::new(&config, 20, 0, &device);
/// let source = Sequences::sources([&[5, 6, 7][..], &[8]].into_iter(), &device);
/// let target = Sequences::targets([&[9][..], &[10, 11]].into_iter(), &device);
/// assert_eq!(model.forward(&source, &target, &mut Dropout::evaluation()).dims(), [2, 3, 20]);
/// # Ok::<(), lookahead_settings::ConfigError>(())
/// ```
#[derive(Module, Debug)]
pub struct Transformer {
    embedding: Param<Tensor<2>>,
    encoder: Vec<EncoderLayer>,
    decoder: Vec<DecoderLayer>,
    dropout: f64,
    #[module(skip)]
    room: Room,
}

/// What the encoder says of a batch of sources.
#[derive(Debug, Clone)]
pub struct Encoded {
    output: Tensor<3>,
    lengths: Vec<usize>,
}

impl Transformer {
    /// The model of a configuration with `vocabulary` subwords on an autodiff device, its initial weights drawn from `seed`
    /// alone: embeddings from N(0, 1 / width), matrices uniform in ±sqrt(6 / (inputs + outputs)) (Xavier; of queries, keys
    /// and values each by itself), biases 0, gains 1.
    #[must_use]
    pub fn new(config: &TransformerConfig, vocabulary: usize, seed: u64, device: &Device) -> Self {
        let initial = &mut Initial::new(seed, device);
        Self {
            embedding: initial.embedding(vocabulary, config.width.get() as usize),
            encoder: (0..config.layers.get()).map(|_| EncoderLayer::new(config, initial)).collect(),
            decoder: (0..config.layers.get()).map(|_| DecoderLayer::new(config, initial)).collect(),
            dropout: config.dropout,
            room: Room::of(config, vocabulary),
        }
    }

    /// How much is evaluated and translated at once.
    #[must_use]
    pub fn room(&self) -> &Room {
        &self.room
    }

    /// The number of trainable numbers.
    #[must_use]
    pub fn parameters(&self) -> usize {
        self.num_params()
    }

    /// The scores of each next subword, `[sentences, target, vocabulary]`, before the softmax: at each position of the
    /// target, given the source and the target up to there.
    #[must_use]
    pub fn forward(&self, source: &Sequences, target: &Sequences, dropout: &mut Dropout<'_>) -> Tensor<3> {
        let encoded = self.encode(source, dropout);
        let visible = Visible::Lengths(encoded.lengths);
        let mut x = self.embed(target.subwords.clone(), 0, dropout);
        for layer in &self.decoder {
            x = layer.forward(x, encoded.output.clone(), &visible, dropout);
        }
        self.scores(x)
    }

    /// What the decoder needs to know of sources.
    #[must_use]
    pub fn encode(&self, source: &Sequences, dropout: &mut Dropout<'_>) -> Encoded {
        let visible = Visible::Lengths(source.lengths.clone());
        let mut x = self.embed(source.subwords.clone(), 0, dropout);
        for layer in &self.encoder {
            x = layer.forward(x, &visible, dropout);
        }
        Encoded { output: x, lengths: source.lengths.clone() }
    }

    /// The start of a translation of each source.
    #[must_use]
    pub fn start(&self, encoded: &Encoded) -> Decoding {
        Decoding {
            encoded: self.decoder.iter().map(|layer| layer.project(encoded.output.clone())).collect(),
            before: vec![None; self.decoder.len()],
            lengths: encoded.lengths.clone(),
            position: 0,
        }
    }

    /// The scores of each next subword, `[sentences, hypotheses, vocabulary]`, after one more `subword` of each hypothesis,
    /// `[sentences, hypotheses]`; in evaluation mode.
    #[must_use]
    pub fn step(&self, subwords: Tensor<2, Int>, decoding: &mut Decoding) -> Tensor<3> {
        let [sentences, hypotheses] = subwords.dims();
        let x =
            self.embed(subwords.reshape([sentences * hypotheses, 1]), decoding.position, &mut Dropout::evaluation());
        let [.., width] = x.dims();
        let mut x = x.reshape([sentences, hypotheses, width]);
        let visible = Visible::Lengths(decoding.lengths.clone());
        for ((layer, before), encoded) in self.decoder.iter().zip(&mut decoding.before).zip(&decoding.encoded) {
            x = layer.step(x, before, encoded.clone(), &visible);
        }
        decoding.position += 1;
        self.scores(x)
    }

    /// Embeddings and positions of subwords, `[batch, length]`, of which the first is at `position`.
    fn embed(&self, subwords: Tensor<2, Int>, position: usize, dropout: &mut Dropout<'_>) -> Tensor<3> {
        let (weights, [_, length]) = (self.embedding.val(), subwords.dims());
        let [_, width] = weights.dims();
        let positions = positions(position, length, width, (&weights.device(), weights.dtype()));
        let x = embedding(weights, subwords) * (width as f64).sqrt() + positions.unsqueeze();
        dropout.apply(x, self.dropout)
    }

    fn scores(&self, x: Tensor<3>) -> Tensor<3> {
        let [batch, length, width] = x.dims();
        let scores = tied_scores(x.reshape([batch * length, width]), self.embedding.val(), None);
        let [_, vocabulary] = scores.dims();
        scores.reshape([batch, length, vocabulary])
    }
}

/// The sinusoids of Sec. 3.5, `[count, width]`.
fn positions(first: usize, count: usize, width: usize, options: impl Into<TensorCreationOptions>) -> Tensor<2> {
    let value = |position: usize, column: usize| {
        // PE(position, 2i) = sin(position / 10000^(2i / width)), PE(position, 2i + 1) = cos(the same)
        let angle = position as f64 / 10_000_f64.powf((column / 2 * 2) as f64 / width as f64);
        if column.is_multiple_of(2) { angle.sin() } else { angle.cos() }
    };
    let values = (first..first + count).flat_map(|position| (0..width).map(move |column| value(position, column)));
    Tensor::from_data(TensorData::new(values.collect(), [count, width]), options)
}
