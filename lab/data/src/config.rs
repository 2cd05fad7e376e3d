//! What is trained on; the table `[data]`.

mod text;

use std::num::NonZeroU32;
use std::path::Path;

use serde::Serialize;
use toml::de::DeTable;

pub use self::text::{ParallelConfig, SubwordsConfig};

use crate::DEFAULT_FOLDER;
use lookahead_settings::{Choices, Read, Source, Table};

/// A data set, how much of it is used, and how its training images are changed at random.
///
/// ```toml
/// [data]
/// name = "cifar10"
/// dir = "data"                    # the default
/// train_limit = 5000              # 500 of each class; default: all
/// valid_limit = 1000
/// augmentation = "crop_flip"      # default "none"
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DataConfig {
    /// The data set.
    #[serde(flatten)]
    pub source: DataSource,
    /// Where to look for it: a folder, or an archive. It is not part of what a run is. Default: `data` below the
    /// working directory; for `fashion_mnist` first where Debian's package puts it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dir: Option<String>,
    /// Only so many training examples: the first images of each class, the first tokens of a text, the first pairs of
    /// sentences. Default: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub train_limit: Option<NonZeroU32>,
    /// Only so many validation examples, chosen alike, and as many of a test part. Default: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valid_limit: Option<NonZeroU32>,
    /// The random changes of training images. Default `none`.
    #[serde(skip_serializing_if = "Augmentation::is_none")]
    pub augmentation: Augmentation,
}

impl DataConfig {
    /// Whether what is measured on both can be compared: the same validation examples, and of a known text as much to learn
    /// its words from. Training images may be others: fewer, of another size, or changed at random; and training texts of
    /// the user's, who sees to it that their words are the same.
    #[must_use]
    pub fn is_evaluated_like(&self, other: &Self) -> bool {
        let is_of_images = self.source.kind() == DataKind::Images;
        let is_like = self.source.evaluated() == other.source.evaluated();
        is_like && self.valid_limit == other.valid_limit && (is_of_images || self.train_limit == other.train_limit)
    }
}

/// What the examples of a data set are; it says which models can be trained on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataKind {
    /// Images with a class each.
    Images,
    /// A running text.
    Text,
    /// Sentences with their translations.
    Pairs,
}

impl DataKind {
    /// What is learnt from it, in words.
    #[must_use]
    pub fn learnt(self) -> &'static str {
        match self {
            Self::Images => "images",
            Self::Text => "a text",
            Self::Pairs => "translations",
        }
    }
}

/// The data sets, by the key `name`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "name", rename_all = "snake_case")]
pub enum DataSource {
    /// The embedded UCI digits (the default).
    Digits,
    /// Fashion-MNIST, from its four files.
    FashionMnist,
    /// CIFAR-10: the binary version, or class folders of JPEG files.
    Cifar10,
    /// CIFAR-100 with its fine labels: the binary version.
    Cifar100,
    /// JPEG pictures in class folders below `train` and `val`: ImageNet and its like.
    ImageFolders {
        /// The side of the square that is trained on, in pixels, from 1 to 1024. Default 224.
        size: NonZeroU32,
        /// What happens with files that are damaged, or neither JPEG nor PNG. Default `refuse`.
        on_corrupt: OnCorrupt,
    },
    /// Made pictures that a small network can learn: always the same ones, 2^30 bytes of them at most.
    Made {
        /// 1 to 4 channels. Default 3.
        channels: NonZeroU32,
        /// Rows of pixels, at most 1024. Default 8.
        height: NonZeroU32,
        /// Columns of pixels, at most 1024. Default 8.
        width: NonZeroU32,
        /// How many classes, at most 1000. Default 10.
        classes: NonZeroU32,
        /// How many training examples. Default 500.
        train: NonZeroU32,
        /// How many validation examples. Default 100.
        valid: NonZeroU32,
    },
    /// The Penn Treebank in Mikolov's preparation (Sec. 5.3, App. C.3): `ptb.zip`, or its three text files.
    PennTreebank {
        /// The words that are told apart, `<eos>` and `<unk>` among them, from 3 to 2^20. Default 10,000.
        vocabulary: NonZeroU32,
    },
    /// Text files of the user's, UTF-8, compressed with gzip or not; their paths are relative to `dir`,
    /// without it to the file of the configuration, or to `data` if they are there alone.
    TextFiles {
        /// What is trained on.
        train: String,
        /// What is evaluated on.
        valid: String,
        /// What is evaluated on at the end. Default: nothing.
        #[serde(skip_serializing_if = "Option::is_none")]
        test: Option<String>,
        /// The words that are told apart, `<eos>` and `<unk>` among them, from 3 to 2^20. Default 10,000.
        vocabulary: NonZeroU32,
    },
    /// A made language that a small model can learn: always the same text.
    MadeText {
        /// How many tokens to train on, at most 2^24; a tenth as many each to validate and to test on. Default 10,000.
        tokens: NonZeroU32,
        /// Its words, `<eos>` and `<unk>` among them, from 3 to 10,000. Default 50.
        vocabulary: NonZeroU32,
    },
    /// Multi30k (Elliott et al. 2016), English to German: validated on `val`, tested on `test_2016_flickr`.
    Multi30k(SubwordsConfig),
    /// WMT14's news translation, English to German (Sec. 5.4, App. C.4): validated on newstest2013, tested on
    /// newstest2014.
    Wmt14EnDe(SubwordsConfig),
    /// Two aligned text files of the user's for each part.
    ParallelText(ParallelConfig),
    /// Made sentences with translations that a small model can learn: always the same ones.
    MadePairs {
        /// How many pairs to train on, at most 2^20. Default 1000.
        train: NonZeroU32,
        /// How many pairs to validate on, and as many to test on, at most 2^20. Default 100.
        valid: NonZeroU32,
        /// The words of each of the two languages, at most 1000. Default 30.
        words: NonZeroU32,
    },
}

/// Random changes of training images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Augmentation {
    /// No changes (the default).
    None,
    /// A random crop of the image's own size out of the image with 4 black pixels around it, mirrored with probability
    /// 1/2 (App. C.1).
    CropFlip,
    /// A random part of 8 to 100 % of the area with an aspect ratio from 3/4 to 4/3, resized to the image's size,
    /// mirrored with probability 1/2: what is usual for ImageNet.
    ResizedCropFlip,
}

impl Augmentation {
    /// Whether images stay as they are.
    #[must_use]
    pub const fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }
}

/// What happens with pictures that cannot be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum OnCorrupt {
    /// The run ends with an error that names the file.
    Refuse,
    /// The batch goes without it; how many were left out is counted.
    Skip,
}

/// What reads the rest of the table for each name; the first is the default.
const NAMES: Choices<DataSource, 13> = [
    ("digits", DataSource::read_digits),
    ("fashion_mnist", DataSource::read_fashion_mnist),
    ("cifar10", DataSource::read_cifar10),
    ("cifar100", DataSource::read_cifar100),
    ("image_folders", DataSource::read_image_folders),
    ("made", DataSource::read_made),
    ("penn_treebank", DataSource::read_penn_treebank),
    ("text_files", DataSource::read_text_files),
    ("made_text", DataSource::read_made_text),
    ("multi30k", DataSource::read_multi30k),
    ("wmt14_en_de", DataSource::read_wmt14_en_de),
    ("parallel_text", DataSource::read_parallel_text),
    ("made_pairs", DataSource::read_made_pairs),
];

impl DataConfig {
    /// All of a data set, looked for where it usually is, without augmentation.
    #[must_use]
    pub const fn new(source: DataSource) -> Self {
        Self { source, dir: None, train_limit: None, valid_limit: None, augmentation: Augmentation::None }
    }

    /// Sees that texts which the configuration names are looked for beside its file, unless it names a folder, or they are in
    /// the folder where data usually is and not there.
    pub fn look_beside(&mut self, file: &Path) {
        let named = match &self.source {
            DataSource::TextFiles { train, .. } => train,
            DataSource::ParallelText(pairs) => &pairs.source,
            _ => return,
        };
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let is_usual = !folder.join(named).exists() && Path::new(DEFAULT_FOLDER).join(named).exists();
        if self.dir.is_none() && !is_usual {
            self.dir = folder.to_str().map(str::to_owned);
        }
    }

    /// Reads the table `[data]`.
    ///
    /// # Errors
    /// [`ConfigError`](lookahead_settings::ConfigError), with its place.
    pub fn read(table: &Table<'_>) -> Read<Self> {
        const AUGMENTATIONS: [(&str, Augmentation); 3] = [
            ("none", Augmentation::None),
            ("crop_flip", Augmentation::CropFlip),
            ("resized_crop_flip", Augmentation::ResizedCropFlip),
        ];
        Ok(Self {
            source: table.or("name", NAMES[0].1, |e| e.one_of(&NAMES))?(table)?,
            dir: table.optional("dir", |e| e.text("the path of a folder or an archive, as a string"))?,
            train_limit: table.optional("train_limit", |e| e.count())?,
            valid_limit: table.optional("valid_limit", |e| e.count())?,
            augmentation: table.or("augmentation", Augmentation::None, |e| e.one_of(&AUGMENTATIONS))?,
        })
    }
}

impl DataSource {
    /// What its examples are.
    #[must_use]
    pub const fn kind(&self) -> DataKind {
        match self {
            Self::Digits | Self::FashionMnist | Self::Cifar10 | Self::Cifar100 => DataKind::Images,
            Self::ImageFolders { .. } | Self::Made { .. } => DataKind::Images,
            Self::PennTreebank { .. } | Self::TextFiles { .. } | Self::MadeText { .. } => DataKind::Text,
            Self::Multi30k(_) | Self::Wmt14EnDe(_) | Self::ParallelText(_) | Self::MadePairs { .. } => DataKind::Pairs,
        }
    }

    /// What is the same where the validation examples are.
    fn evaluated(&self) -> Self {
        let mut source = self.clone();
        match &mut source {
            Self::ImageFolders { size, on_corrupt } => (*size, *on_corrupt) = (NonZeroU32::MIN, OnCorrupt::Refuse),
            Self::TextFiles { train, .. } => train.clear(),
            _ => {}
        }
        source
    }

    /// The data set's name in a configuration.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Digits => "digits",
            Self::FashionMnist => "fashion_mnist",
            Self::Cifar10 => "cifar10",
            Self::Cifar100 => "cifar100",
            Self::ImageFolders { .. } => "image_folders",
            Self::Made { .. } => "made",
            Self::PennTreebank { .. } => "penn_treebank",
            Self::TextFiles { .. } => "text_files",
            Self::MadeText { .. } => "made_text",
            Self::Multi30k(_) => "multi30k",
            Self::Wmt14EnDe(_) => "wmt14_en_de",
            Self::ParallelText(_) => "parallel_text",
            Self::MadePairs { .. } => "made_pairs",
        }
    }

    /// Whether it is read from files, so that there is a `dir` to look in.
    #[must_use]
    pub const fn is_in_files(&self) -> bool {
        !matches!(self, Self::Digits | Self::Made { .. } | Self::MadeText { .. } | Self::MadePairs { .. })
    }

    /// The data set of this name with every key at its default; `None` also if a key has none.
    ///
    /// ```
    /// use lookahead_data::config::DataSource;
    /// assert_eq!(DataSource::named("cifar10"), Some(DataSource::Cifar10));
    /// assert_eq!(DataSource::named("mnist"), None);
    /// ```
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let (_, read) = NAMES.iter().find(|(known, _)| *known == name)?;
        read(&Table::root(Source::Override { text: "" }, &DeTable::new())).ok()
    }

    fn read_digits(table: &Table<'_>) -> Read<Self> {
        table.accept(&["name", "train_limit", "valid_limit", "augmentation"])?;
        Ok(Self::Digits)
    }

    fn read_fashion_mnist(table: &Table<'_>) -> Read<Self> {
        accept_files(table)?;
        Ok(Self::FashionMnist)
    }

    fn read_cifar10(table: &Table<'_>) -> Read<Self> {
        accept_files(table)?;
        Ok(Self::Cifar10)
    }

    fn read_cifar100(table: &Table<'_>) -> Read<Self> {
        accept_files(table)?;
        Ok(Self::Cifar100)
    }

    fn read_image_folders(table: &Table<'_>) -> Read<Self> {
        const SIZE: NonZeroU32 = NonZeroU32::new(224).unwrap();
        const ON_CORRUPT: [(&str, OnCorrupt); 2] = [("refuse", OnCorrupt::Refuse), ("skip", OnCorrupt::Skip)];
        table.accept(&["name", "size", "on_corrupt", "train_limit", "valid_limit", "augmentation", "dir"])?;
        Ok(Self::ImageFolders {
            size: table.or("size", SIZE, |e| e.count_to(1024))?,
            on_corrupt: table.or("on_corrupt", OnCorrupt::Refuse, |e| e.one_of(&ON_CORRUPT))?,
        })
    }

    fn read_made(table: &Table<'_>) -> Read<Self> {
        const fn count(default: u32) -> NonZeroU32 {
            NonZeroU32::new(default).unwrap()
        }
        const DEFAULTS: [NonZeroU32; 5] = [count(3), count(8), count(10), count(500), count(100)];
        const MOST_BYTES: u32 = 1 << 30;
        let [channels, side, classes, train, valid] = DEFAULTS;
        table.accept(&[
            "name",
            "channels",
            "height",
            "width",
            "classes",
            "train",
            "valid",
            "train_limit",
            "valid_limit",
            "augmentation",
        ])?;
        let channels = table.or("channels", channels, |e| e.count_to(4))?;
        let height = table.or("height", side, |e| e.count_to(1024))?;
        let width = table.or("width", side, |e| e.count_to(1024))?;
        // At most 2^22 bytes a picture.
        let most = MOST_BYTES / (channels.get() * height.get() * width.get());
        Ok(Self::Made {
            channels,
            height,
            width,
            classes: table.or("classes", classes, |e| e.count_to(1000))?,
            train: table.or("train", train, |e| e.count_to(most))?,
            valid: table.or("valid", valid, |e| e.count_to(most))?,
        })
    }
}

fn accept_files(table: &Table<'_>) -> Read<()> {
    table.accept(&["name", "train_limit", "valid_limit", "augmentation", "dir"])
}
