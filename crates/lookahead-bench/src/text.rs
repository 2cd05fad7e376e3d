//! The language models, on numbers in the place of words; the state goes from step to step.

use burn::tensor::{Device, Int, Tensor, TensorData};
use lookahead_models::config::{AwdLstmConfig, ModelConfig};
use lookahead_models::{AwdLstm, Dropout, LstmState, cross_entropy};
use lookahead_runs::random::stream;

use super::{Work, model};

const VOCABULARY: usize = 10_000;
const STEPS: usize = 35;

/// `lstm`: two layers of 200 units, nothing dropped out. `awd_lstm`: that of the paper with all its dropouts.
pub struct Text {
    config: AwdLstmConfig,
    rows: usize,
    state: LstmState,
    step: u64,
}

impl Text {
    /// Steps of about `batch` words.
    pub fn new(network: &str, batch: usize) -> Result<Self, String> {
        let table = match network {
            "lstm" => {
                "name = 'awd_lstm', layers = 2, hidden = 200, embedding = 200, weight_drop = 0, hidden_dropout = 0, \
                 input_dropout = 0, output_dropout = 0, embedding_dropout = 0"
            }
            _ => "name = 'awd_lstm'",
        };
        let ModelConfig::AwdLstm(config) = model("made_text", table)? else {
            return Err(format!("{network} is no language model"));
        };
        let rows = (batch / STEPS).max(1);
        Ok(Self { config, rows, state: LstmState::default(), step: 0 })
    }

    fn words(&self, first: usize) -> impl Iterator<Item = u32> {
        let word = |index: usize| (index as u64).wrapping_mul(2_654_435_761) as u32 % VOCABULARY as u32;
        (first..first + STEPS * self.rows).map(word)
    }
}

impl Work for Text {
    type Model = AwdLstm;
    type Batch = (Tensor<2, Int>, Vec<u32>);

    fn model(&self, device: &Device) -> AwdLstm {
        AwdLstm::new(&self.config, VOCABULARY, 0, device)
    }

    fn batch(&self, device: &Device) -> Self::Batch {
        let words: Vec<i64> = self.words(0).map(i64::from).collect();
        let inputs = Tensor::from_data(TensorData::new(words, [STEPS, self.rows]), device);
        (inputs, self.words(self.rows).collect())
    }

    fn loss(&mut self, model: &AwdLstm, (inputs, targets): Self::Batch, _device: &Device) -> Tensor<1> {
        let mut random = stream(0, "dropout", self.step);
        let output = model.forward(inputs, &self.state, &mut Dropout::training(&mut random));
        (self.state, self.step) = (output.state, self.step + 1);
        cross_entropy(output.scores, &targets, 0.0, None)
    }
}
