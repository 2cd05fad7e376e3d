//! The AWD-LSTM (Merity et al. 2018), the language model of Sec. 5.3.

mod fused;
mod layer;
mod state;

use burn::module::{Module, Param};
use burn::tensor::module::embedding;
use burn::tensor::{Device, Int, Tensor, TensorData};
use lookahead_layers::tied_scores;

pub use self::state::LstmState;

use self::layer::LstmLayer;
use self::state::LayerState;
use super::Dropout;
use crate::config::AwdLstmConfig;
use lookahead_runs::random::{stream, uniform};

/// LSTM layers between embedded words and the softmax over the next ones, with one matrix for both ends.
///
/// Dropped out are, in training: words, wherever they occur in a batch; what each layer is given and what the last one
/// puts out, alike for all steps of a batch; and recurrent weights, alike for all steps and rows.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use lookahead_models::config::ModelConfig;
/// use lookahead_data::config::DataKind;
/// use lookahead_models::{AwdLstm, Dropout, LstmState};
///
/// let text = "layers = 2\nhidden = 6\nembedding = 4";
/// let read = lookahead_settings::read_document(text, "model.toml", |table| ModelConfig::read(table, DataKind::Text));
/// let ModelConfig::AwdLstm(config) = read? else { panic!("of texts") };
/// let device = Device::flex();
/// let model = AwdLstm::new(&config, 10, 0, &device);
/// let words = Tensor::from_data([[1, 2], [3, 4], [5, 6]], &device);
/// let output = model.forward(words, &LstmState::default(), &mut Dropout::evaluation());
/// assert_eq!((output.scores.dims(), output.raw.dims()), ([6, 10], [3, 2, 4]));
/// # Ok::<(), lookahead_settings::ConfigError>(())
/// ```
#[derive(Module, Debug)]
pub struct AwdLstm {
    /// `[vocabulary, embedding]`, also the weights of the softmax.
    embedding: Param<Tensor<2>>,
    /// `[vocabulary]`, of the softmax.
    bias: Param<Tensor<1>>,
    layers: Vec<LstmLayer>,
    #[module(skip)]
    dropped: Dropped,
}

/// The probabilities of dropout.
#[derive(Debug, Clone)]
struct Dropped {
    weights: f64,
    words: f64,
    input: f64,
    hidden: f64,
    output: f64,
}

/// What an [`AwdLstm`] says of some steps of a text.
#[derive(Debug, Clone)]
pub struct Output {
    /// Of each next word, `[steps * batch, vocabulary]`, before the softmax.
    pub scores: Tensor<2>,
    /// What the last layer put out, `[steps, batch, embedding]`.
    pub raw: Tensor<3>,
    /// The same after dropout.
    pub dropped: Tensor<3>,
    /// What it remembers, without autodiff.
    pub state: LstmState,
}

impl AwdLstm {
    /// The model of a configuration with `vocabulary` words, its initial weights drawn from `seed` alone: embeddings
    /// uniform in ±0.1, layers with their biases in ±1 / sqrt(width), the softmax's bias 0, as in the released code.
    #[must_use]
    pub fn new(config: &AwdLstmConfig, vocabulary: usize, seed: u64, device: &Device) -> Self {
        let mut random = stream(seed, "initial weights", 0);
        let mut within = |bound: f64| (bound * (2.0 * uniform(&mut random) - 1.0)) as f32;
        let [hidden, width] = [config.hidden, config.embedding].map(|width| width.get() as usize);
        let count = config.layers.get() as usize;
        let incoming = |layer| if layer == 0 { width } else { hidden };
        let outgoing = |layer| if layer + 1 == count { width } else { hidden };
        Self {
            embedding: parameter([vocabulary, width], || within(0.1), device),
            bias: parameter([vocabulary], || 0.0, device),
            layers: (0..count)
                .map(|layer| LstmLayer::new(incoming(layer), outgoing(layer), &mut within, device))
                .collect(),
            dropped: Dropped {
                weights: config.weight_drop,
                words: config.embedding_dropout,
                input: config.input_dropout,
                hidden: config.hidden_dropout,
                output: config.output_dropout,
            },
        }
    }

    /// The number of trainable numbers.
    #[must_use]
    pub fn parameters(&self) -> usize {
        self.num_params()
    }

    /// The scores of each next word of `words`, `[steps, batch]`, given those before and the state before them.
    #[must_use]
    pub fn forward(&self, words: Tensor<2, Int>, state: &LstmState, dropout: &mut Dropout<'_>) -> Output {
        let [_, batch] = words.dims();
        let mut x = alike_for_all_steps(self.embed(words, dropout), self.dropped.input, dropout);
        let mut after = Vec::with_capacity(self.layers.len());
        for (number, layer) in self.layers.iter().enumerate() {
            if number > 0 {
                x = alike_for_all_steps(x, self.dropped.hidden, dropout);
            }
            let zeros = || LayerState::zeros([batch, layer.width()], x.dtype(), &x.device());
            let before = state.layers.get(number).cloned().unwrap_or_else(zeros);
            let (outputs, state) = layer.forward(x, before, self.dropped.weights, dropout);
            x = outputs;
            after.push(state);
        }
        let dropped = alike_for_all_steps(x.clone(), self.dropped.output, dropout);
        let scores = tied_scores(dropped.clone().flatten(0, 1), self.embedding.val(), Some(self.bias.val()));
        Output { scores, raw: x, dropped, state: LstmState { layers: after } }
    }

    /// `[steps, batch, embedding]`; a dropped word is zeros.
    fn embed(&self, words: Tensor<2, Int>, dropout: &mut Dropout<'_>) -> Tensor<3> {
        let table = self.embedding.val();
        let [vocabulary, _] = table.dims();
        let embedded = embedding(table, words.clone());
        match dropout.mask(self.dropped.words, [vocabulary, 1], (&embedded.device(), embedded.dtype())) {
            Some(mask) => embedded * embedding(mask, words),
            None => embedded,
        }
    }
}

/// Variational dropout (Gal and Ghahramani 2016): one mask, `[batch, width]`, for all steps of `[steps, batch, width]`.
fn alike_for_all_steps(x: Tensor<3>, p: f64, dropout: &mut Dropout<'_>) -> Tensor<3> {
    let [_, batch, width] = x.dims();
    match dropout.mask(p, [1, batch, width], (&x.device(), x.dtype())) {
        Some(mask) => x * mask,
        None => x,
    }
}

/// A parameter made of numbers in turn.
fn parameter<const D: usize>(shape: [usize; D], mut number: impl FnMut() -> f32, device: &Device) -> Param<Tensor<D>> {
    let values: Vec<f32> = (0..shape.iter().product()).map(|_| number()).collect();
    Param::from_tensor(Tensor::from_data(TensorData::new(values, shape), device))
}
