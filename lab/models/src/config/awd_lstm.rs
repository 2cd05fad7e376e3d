//! The AWD-LSTM of Merity et al. (2018) with the numbers of App. C.3; the table `[model]` with `name = "awd_lstm"`.

use std::num::NonZeroU32;

use serde::Serialize;

use lookahead_settings::{Entry, Read, Table};

/// A recurrent language model: dropout on everything, tied embeddings, and batches whose length varies.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "name", rename = "awd_lstm")]
pub struct AwdLstmConfig {
    /// LSTM layers, at most 16. Default 3.
    pub layers: NonZeroU32,
    /// Units of each layer but the last, at most 16,384. Default 1150.
    pub hidden: NonZeroU32,
    /// The width of the embeddings and, as they are tied to the softmax, of the last layer; at most 16,384. Default 400.
    pub embedding: NonZeroU32,
    /// The probability with which a recurrent weight is dropped (DropConnect), at least 0 and below 1. Default 0.5.
    pub weight_drop: f64,
    /// Dropout between layers, the same for all steps of a batch. Default 0.3.
    pub hidden_dropout: f64,
    /// Dropout of the embedded words, the same for all steps of a batch. Default 0.65.
    pub input_dropout: f64,
    /// Dropout of the last layer's outputs, the same for all steps of a batch. Default 0.4.
    pub output_dropout: f64,
    /// The probability with which a word's embedding is dropped wherever it occurs in a batch. Default 0.1.
    pub embedding_dropout: f64,
    /// The weight of the mean square of the last layer's dropped-out outputs (AR), not negative. Default 2.
    pub activation_regularisation: f64,
    /// The weight of the mean square of their change from step to step (TAR), not negative. Default 1.
    pub temporal_regularisation: f64,
    /// Steps through which gradients flow, from 1 to 10,000. Default 70.
    pub sequence_length: NonZeroU32,
    /// Whether that length varies from batch to batch, the learning rate with it (Merity et al. 2018, Sec. 5). Default
    /// true.
    pub variable_length: bool,
}

impl AwdLstmConfig {
    pub(super) fn read(table: &Table<'_>) -> Read<Self> {
        const WIDEST: u32 = 16_384;
        const fn count(default: u32) -> NonZeroU32 {
            NonZeroU32::new(default).unwrap()
        }
        const DEFAULTS: [NonZeroU32; 4] = [count(3), count(1150), count(400), count(70)];
        let [layers, hidden, embedding, sequence_length] = DEFAULTS;
        table.accept(&[
            "name",
            "layers",
            "hidden",
            "embedding",
            "weight_drop",
            "hidden_dropout",
            "input_dropout",
            "output_dropout",
            "embedding_dropout",
            "activation_regularisation",
            "temporal_regularisation",
            "sequence_length",
            "variable_length",
        ])?;
        Ok(Self {
            layers: table.or("layers", layers, |e| e.count_to(16))?,
            hidden: table.or("hidden", hidden, |e| e.count_to(WIDEST))?,
            embedding: table.or("embedding", embedding, |e| e.count_to(WIDEST))?,
            weight_drop: table.or("weight_drop", 0.5, probability)?,
            hidden_dropout: table.or("hidden_dropout", 0.3, probability)?,
            input_dropout: table.or("input_dropout", 0.65, probability)?,
            output_dropout: table.or("output_dropout", 0.4, probability)?,
            embedding_dropout: table.or("embedding_dropout", 0.1, probability)?,
            activation_regularisation: table.or("activation_regularisation", 2.0, weight)?,
            temporal_regularisation: table.or("temporal_regularisation", 1.0, weight)?,
            sequence_length: table.or("sequence_length", sequence_length, |e| e.count_to(10_000))?,
            variable_length: table.or("variable_length", true, |e| e.flag())?,
        })
    }
}

/// The probability of a dropout.
pub(super) fn probability(entry: &Entry<'_>) -> Read<f64> {
    entry.number("at least 0 and below 1", |p| (0.0..1.0).contains(&p))
}

fn weight(entry: &Entry<'_>) -> Read<f64> {
    entry.number("finite and not negative", |weight| weight >= 0.0 && weight.is_finite())
}
