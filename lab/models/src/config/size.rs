//! How many weights a model has at least: what no machine here can hold is refused before memory is asked for.

use super::{ModelConfig, NetworkConfig};

/// The most weights of a model: 12 GB of them.
pub(super) const MOST_WEIGHTS: u64 = 3_000_000_000;

impl ModelConfig {
    /// The weights between its inner layers; those of its ends depend on the data. Each width is below 2^17 and each number
    /// of layers below 2^7, so that no sum overflows.
    pub(super) fn inner_weights(&self) -> u64 {
        let square = |width: u32| u64::from(width) * u64::from(width);
        match self {
            Self::Network(network) => network.inner_weights(),
            Self::AwdLstm(model) => {
                let (hidden, embedding) = (u64::from(model.hidden.get()), u64::from(model.embedding.get()));
                // Four gates, each of what comes from below and from the step before.
                match u64::from(model.layers.get()) {
                    1 => 8 * embedding * embedding,
                    layers => {
                        let first = 4 * hidden * (embedding + hidden);
                        let last = 4 * embedding * (hidden + embedding);
                        first + (layers - 2) * 8 * hidden * hidden + last
                    }
                }
            }
            Self::Transformer(model) => {
                let feed_forward = 2 * u64::from(model.width.get()) * u64::from(model.feed_forward.get());
                // One attention in the encoder, two in the decoder, of four matrices each.
                u64::from(model.layers.get()) * (12 * square(model.width.get()) + 2 * feed_forward)
            }
        }
    }
}

impl NetworkConfig {
    fn inner_weights(&self) -> u64 {
        let square = |width: u32| u64::from(width) * u64::from(width);
        match self {
            Self::Mlp { hidden } => {
                hidden.windows(2).map(|pair| u64::from(pair[0].get()) * u64::from(pair[1].get())).sum()
            }
            Self::Cnn { channels, .. } => {
                9 * channels.windows(2).map(|pair| u64::from(pair[0].get()) * u64::from(pair[1].get())).sum::<u64>()
            }
            // Stages of w, 2w and 4w channels, each block with two 3x3 convolutions: 2 * 9 (1 + 4 + 16) w^2 a block, rounded
            // down for the narrower ends of the first ones.
            Self::ResNet { depth, width } => 300 * depth.blocks_per_stage() as u64 * square(width.get()),
            // As many as torchvision's models have at a width of 64, rounded down.
            Self::ResNet18 { width } => 2_600 * square(width.get()),
            Self::ResNet50 { width, .. } => 5_000 * square(width.get()),
            Self::ResNet152 { width, .. } => 13_000 * square(width.get()),
        }
    }
}
