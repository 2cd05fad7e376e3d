//! Language modelling: the AWD-LSTM and the task.

#[path = "../../../models/tests/pytorch/formula.rs"]
mod formula;
mod golden;
mod model;
mod task;

use burn::module::{ModuleMapper, Param};
use burn::tensor::{DType, Tensor};
use lookahead_models::config::{AwdLstmConfig, ModelConfig};
use lookahead_training::config::RunConfig;

/// A run on the made language with some keys of `[model]` and others that come before the tables.
pub fn run(model: &str, others: &str) -> RunConfig {
    let text = format!(
        "{others}
         data = {{ name = 'made_text', tokens = 2000, vocabulary = 20 }}
         model = {{ name = 'awd_lstm', layers = 2, hidden = 8, embedding = 6, {model} }}
         optimizer.name = 'sgd'
         schedule.learning_rate = 2.0"
    );
    RunConfig::parse(&text, "run.toml").unwrap()
}

pub fn awd_lstm(config: &RunConfig) -> &AwdLstmConfig {
    match &config.model {
        ModelConfig::AwdLstm(model) => model,
        other => panic!("{other:?}"),
    }
}

/// A model in double precision, which is computed by tensor operations.
pub struct ToF64;

impl ModuleMapper for ToF64 {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        param.map(|tensor| Tensor::from_inner(tensor.inner().cast(DType::F64)).require_grad())
    }
}
