//! What is trained on; the table `[data]`.

use std::num::NonZeroU32;

use serde::Serialize;

use super::reader::{Choices, Read, Table};
use crate::data::fashion_mnist;

/// A data set, and how much of it is used.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DataConfig {
    /// The data set.
    #[serde(flatten)]
    pub source: DataSource,
    /// Only so many of the first training examples. Default: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub train_limit: Option<NonZeroU32>,
    /// Only so many of the first validation examples. Default: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valid_limit: Option<NonZeroU32>,
}

/// The data sets, by the key `name`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "name", rename_all = "snake_case")]
pub enum DataSource {
    /// The embedded UCI digits (the default).
    Digits,
    /// Fashion-MNIST, from files.
    FashionMnist {
        /// The folder with its four files; a relative one starts at the working directory. Default: where Debian's
        /// package puts them, `/usr/share/datasets/fashion-mnist`.
        dir: String,
    },
}

impl DataConfig {
    pub(super) fn read(table: &Table<'_>) -> Read<Self> {
        const NAMES: Choices<DataSource, 2> =
            [("digits", DataSource::read_digits), ("fashion_mnist", DataSource::read_fashion_mnist)];
        Ok(Self {
            source: table.or("name", NAMES[0].1, |e| e.one_of(&NAMES))?(table)?,
            train_limit: table.optional("train_limit", |e| e.count())?,
            valid_limit: table.optional("valid_limit", |e| e.count())?,
        })
    }
}

impl DataSource {
    fn read_digits(table: &Table<'_>) -> Read<Self> {
        table.accept(&["name", "train_limit", "valid_limit"])?;
        Ok(Self::Digits)
    }

    fn read_fashion_mnist(table: &Table<'_>) -> Read<Self> {
        table.accept(&["name", "train_limit", "valid_limit", "dir"])?;
        let default = fashion_mnist::DEBIAN_FOLDER.to_owned();
        Ok(Self::FashionMnist { dir: table.or("dir", default, |e| e.text("the path of a folder, as a string"))? })
    }
}
