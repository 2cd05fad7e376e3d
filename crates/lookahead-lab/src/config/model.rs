//! What is trained; the table `[model]`.

use std::num::NonZeroU32;

use serde::Serialize;

use super::reader::{Choices, Read, Table};

/// A network, by the key `name`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "name", rename_all = "lowercase")]
pub enum ModelConfig {
    /// Fully connected layers (the default).
    Mlp {
        /// The width of each hidden layer, each at most 16,384; an empty list makes the model linear. Default `[64]`.
        hidden: Vec<NonZeroU32>,
    },
    /// Convolutions.
    Cnn {
        /// The number of channels after each convolution, each at most 1,024. Default `[8, 16]`.
        channels: Vec<NonZeroU32>,
        /// Whether each convolution is followed by batch normalisation. Default true.
        batch_norm: bool,
    },
}

impl ModelConfig {
    pub(super) fn read(table: &Table<'_>) -> Read<Self> {
        const NAMES: Choices<ModelConfig, 2> = [("mlp", ModelConfig::read_mlp), ("cnn", ModelConfig::read_cnn)];
        table.or("name", NAMES[0].1, |e| e.one_of(&NAMES))?(table)
    }

    fn read_mlp(table: &Table<'_>) -> Read<Self> {
        const DEFAULT: NonZeroU32 = NonZeroU32::new(64).unwrap();
        table.accept(&["name", "hidden"])?;
        let hidden = table.or("hidden", vec![DEFAULT], |e| e.list(16, "widths", |e| e.count_to(16_384)))?;
        Ok(Self::Mlp { hidden })
    }

    fn read_cnn(table: &Table<'_>) -> Read<Self> {
        const DEFAULT: [NonZeroU32; 2] = [NonZeroU32::new(8).unwrap(), NonZeroU32::new(16).unwrap()];
        table.accept(&["name", "channels", "batch_norm"])?;
        let channels = table.or("channels", DEFAULT.to_vec(), |e| {
            let channels = e.list(8, "numbers of channels", |e| e.count_to(1024))?;
            if channels.is_empty() { Err(e.refuse("a list of at least 1 number of channels")) } else { Ok(channels) }
        })?;
        Ok(Self::Cnn { channels, batch_norm: table.or("batch_norm", true, |e| e.flag())? })
    }
}
