//! The Transformer of Vaswani et al. (2017), by default its base model (Sec. 5.4, App. C.4); `name = "transformer"`.

use std::num::NonZeroU32;

use serde::Serialize;

use super::awd_lstm::probability;
use lookahead_settings::{Read, Table};

/// An encoder and a decoder of attention layers; one matrix embeds sources and targets and gives the softmax.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "name", rename = "transformer")]
pub struct TransformerConfig {
    /// Layers of the encoder, and as many of the decoder, at most 64. Default 6.
    pub layers: NonZeroU32,
    /// The width of the model, a multiple of `heads`, even, at most 16,384. Default 512.
    pub width: NonZeroU32,
    /// Heads of each attention. Default 8.
    pub heads: NonZeroU32,
    /// The inner width of the feed-forward layers, at most 65,536. Default 2048.
    pub feed_forward: NonZeroU32,
    /// Dropout of each sublayer's output and of the embeddings, at least 0 and below 1. Default 0.1.
    pub dropout: f64,
    /// The probability that the training target gives to all other subwords together, at least 0 and below 1. Default 0.1.
    pub label_smoothing: f64,
}

impl TransformerConfig {
    pub(super) fn read(table: &Table<'_>) -> Read<Self> {
        const fn count(default: u32) -> NonZeroU32 {
            NonZeroU32::new(default).unwrap()
        }
        const DEFAULTS: [NonZeroU32; 4] = [count(6), count(512), count(8), count(2048)];
        let [layers, width, heads, feed_forward] = DEFAULTS;
        table.accept(&["name", "layers", "width", "heads", "feed_forward", "dropout", "label_smoothing"])?;
        let heads = table.or("heads", heads, |e| e.count_to(1024))?;
        let width = table.or("width", width, |e| e.count_to(16_384))?;
        if !width.get().is_multiple_of(heads.get()) || !width.get().is_multiple_of(2) {
            let accepted = format!("an even multiple of {} heads", heads.get());
            return Err(table.refuse("width", width.get(), accepted));
        }
        Ok(Self {
            layers: table.or("layers", layers, |e| e.count_to(64))?,
            width,
            heads,
            feed_forward: table.or("feed_forward", feed_forward, |e| e.count_to(65_536))?,
            dropout: table.or("dropout", 0.1, probability)?,
            label_smoothing: table.or("label_smoothing", 0.1, probability)?,
        })
    }
}
