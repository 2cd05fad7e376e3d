//! What is trained, the table `[model]`; how translations are searched for, the table `[decoding]`.

mod awd_lstm;
mod decoding;
mod size;
mod transformer;

use std::num::NonZeroU32;

use serde::Serialize;

pub use self::awd_lstm::AwdLstmConfig;
pub use self::decoding::DecodingConfig;
pub use self::transformer::TransformerConfig;

use lookahead_data::config::DataKind;
use lookahead_settings::{Choices, ConfigError, Read, Table};

const MAX_CHANNELS: u32 = 1024;

const fn count(default: u32) -> NonZeroU32 {
    NonZeroU32::new(default).unwrap()
}

/// A model, by the key `name`; the data says which kinds it can be. It has at most 3,000,000,000 weights between its layers.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum ModelConfig {
    /// A network that classifies images.
    Network(NetworkConfig),
    /// A recurrent language model.
    AwdLstm(AwdLstmConfig),
    /// A translation model.
    Transformer(TransformerConfig),
}

/// A network that classifies images, by the key `name`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "name", rename_all = "lowercase")]
pub enum NetworkConfig {
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
    /// A residual network for small images: three stages of basic blocks, shortcuts without parameters (He et al. 2016,
    /// Sec. 4.2). ResNet-32 is the network of Fig. 1 and 10.
    ResNet {
        /// The number of layers. Default 20.
        depth: CifarDepth,
        /// The channels of the first stage, at most 1,024. Default 16.
        width: NonZeroU32,
    },
    /// ResNet-18 with a 3x3 stem, for small images: the network of Sec. 5.1.
    ResNet18 {
        /// The channels of the first stage, at most 1,024. Default 64.
        width: NonZeroU32,
    },
    /// ResNet-50, as in torchvision: a network of Sec. 5.2.
    ResNet50 {
        /// The channels of the first stage's 3x3 convolutions, at most 1,024. Default 64.
        width: NonZeroU32,
        /// What stands before the blocks. Default: for ImageNet.
        stem: StemConfig,
    },
    /// ResNet-152, as in torchvision: a network of Sec. 5.2.
    ResNet152 {
        /// The channels of the first stage's 3x3 convolutions, at most 1,024. Default 64.
        width: NonZeroU32,
        /// What stands before the blocks. Default: for ImageNet.
        stem: StemConfig,
    },
}

/// What stands before the blocks of a residual network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum StemConfig {
    /// A 7x7 convolution of stride 2 and a 3x3 max pooling of stride 2: the image loses 15 of 16 pixels.
    Imagenet,
    /// A 3x3 convolution of stride 1.
    Small,
}

/// The number of layers of a residual network for CIFAR: 6n + 2 for the n blocks of each of its three stages.
///
/// ```
/// use lookahead_models::config::CifarDepth;
/// assert_eq!(CifarDepth::new(32).map(CifarDepth::blocks_per_stage), Some(5));
/// assert_eq!(CifarDepth::new(18), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct CifarDepth(u32);

impl CifarDepth {
    const DEFAULT: Self = Self(20);

    /// A depth, 8 to 110, that is 6n + 2; `None` for any other.
    #[must_use]
    pub const fn new(depth: u32) -> Option<Self> {
        if depth >= 8 && depth <= 110 && depth % 6 == 2 { Some(Self(depth)) } else { None }
    }

    /// The number of layers.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The number of blocks of each stage, n.
    #[must_use]
    pub const fn blocks_per_stage(self) -> usize {
        // depth = 6n + 2: n blocks of 2 convolutions in each of 3 stages, the stem and the linear layer.
        (self.0 as usize - 2) / 6
    }
}

impl ModelConfig {
    /// Reads the model for data of a kind, by default the first of its kind.
    /// Reads the table `[model]` of data of a kind.
    ///
    /// # Errors
    /// [`ConfigError`], with its place.
    pub fn read(table: &Table<'_>, kind: DataKind) -> Read<Self> {
        let model = Self::read_kind(table, kind)?;
        let weights = model.inner_weights();
        if weights > size::MOST_WEIGHTS {
            let (value, accepted) = (format!("of {weights} weights or more"), "of at most 3000000000".to_owned());
            let (place, key) = (table.place(), table.path().to_owned());
            return Err(ConfigError::WrongValue {
                place,
                key,
                value: value.into(),
                accepted: accepted.into(),
                nearest: None,
            });
        }
        Ok(model)
    }

    fn read_kind(table: &Table<'_>, kind: DataKind) -> Read<Self> {
        match kind {
            DataKind::Images => NetworkConfig::read(table).map(Self::Network),
            DataKind::Text => {
                table.or("name", (), |e| e.one_of(&[("awd_lstm", ())]))?;
                AwdLstmConfig::read(table).map(Self::AwdLstm)
            }
            DataKind::Pairs => {
                table.or("name", (), |e| e.one_of(&[("transformer", ())]))?;
                TransformerConfig::read(table).map(Self::Transformer)
            }
        }
    }
}

impl NetworkConfig {
    fn read(table: &Table<'_>) -> Read<Self> {
        const NAMES: Choices<NetworkConfig, 6> = [
            ("mlp", NetworkConfig::read_mlp),
            ("cnn", NetworkConfig::read_cnn),
            ("resnet", NetworkConfig::read_resnet),
            ("resnet18", NetworkConfig::read_resnet18),
            ("resnet50", NetworkConfig::read_resnet50),
            ("resnet152", NetworkConfig::read_resnet152),
        ];
        table.or("name", NAMES[0].1, |e| e.one_of(&NAMES))?(table)
    }

    fn read_mlp(table: &Table<'_>) -> Read<Self> {
        table.accept(&["name", "hidden"])?;
        let hidden = table.or("hidden", vec![count(64)], |e| e.list(16, "widths", |e| e.count_to(16_384)))?;
        Ok(Self::Mlp { hidden })
    }

    fn read_cnn(table: &Table<'_>) -> Read<Self> {
        table.accept(&["name", "channels", "batch_norm"])?;
        let channels = table.or("channels", vec![count(8), count(16)], |e| {
            e.some(8, "numbers of channels", |e| e.count_to(MAX_CHANNELS))
        })?;
        Ok(Self::Cnn { channels, batch_norm: table.or("batch_norm", true, |e| e.flag())? })
    }

    fn read_resnet(table: &Table<'_>) -> Read<Self> {
        table.accept(&["name", "depth", "width"])?;
        let depth = table.or("depth", CifarDepth::DEFAULT, |e| {
            let depth = e.whole(0..=u64::MAX).ok().and_then(|depth| CifarDepth::new(depth.try_into().ok()?));
            depth.ok_or_else(|| e.refuse("a whole number from 8 to 110 that is 6n + 2, such as 8, 20, 32, 56 or 110"))
        })?;
        Ok(Self::ResNet { depth, width: read_width(table, 16)? })
    }

    fn read_resnet18(table: &Table<'_>) -> Read<Self> {
        table.accept(&["name", "width"])?;
        Ok(Self::ResNet18 { width: read_width(table, 64)? })
    }

    fn read_resnet50(table: &Table<'_>) -> Read<Self> {
        let (width, stem) = read_width_and_stem(table)?;
        Ok(Self::ResNet50 { width, stem })
    }

    fn read_resnet152(table: &Table<'_>) -> Read<Self> {
        let (width, stem) = read_width_and_stem(table)?;
        Ok(Self::ResNet152 { width, stem })
    }
}

fn read_width(table: &Table<'_>, default: u32) -> Read<NonZeroU32> {
    table.or("width", count(default), |e| e.count_to(MAX_CHANNELS))
}

fn read_width_and_stem(table: &Table<'_>) -> Read<(NonZeroU32, StemConfig)> {
    table.accept(&["name", "width", "stem"])?;
    let stem = table.or("stem", StemConfig::Imagenet, |e| {
        e.one_of(&[("imagenet", StemConfig::Imagenet), ("small", StemConfig::Small)])
    })?;
    Ok((read_width(table, 64)?, stem))
}
