//! Whether a data set has as many examples as the official one.

use super::official::Official;
use super::parts::grouped;
use super::{Data, FetchError};
use crate::config::DataConfig;

impl Data {
    /// What tells this data set from the official one of its name: its numbers of images, tokens or pairs. `None` if they
    /// are right, and for data of which any number will do. Of a part that `config` limits, only what the limit lets see.
    ///
    /// Equal numbers do not prove that the content is the official one.
    ///
    /// ```
    /// use lookahead_data::config::{DataConfig, DataSource};
    /// use lookahead_data::Data;
    ///
    /// let config = DataConfig::new(DataSource::Digits);
    /// assert_eq!(Data::load(&config)?.unlike_official(&config), None);
    /// # Ok::<(), lookahead_data::DataError>(())
    /// ```
    #[must_use]
    pub fn unlike_official(&self, config: &DataConfig) -> Option<String> {
        let official = Official::named(config.source.name())?;
        self.other_counts(official, config).map(|error| error.to_string())
    }

    /// The same as an error, beside an entry of the catalogue.
    pub(super) fn other_counts(&self, official: &Official, config: &DataConfig) -> Option<FetchError> {
        let limits = [config.train_limit, config.valid_limit, config.valid_limit];
        let found = self.counts();
        let is_right = |index: usize| {
            let (expected, found) = (&official.counts[index], found[index]);
            match limits[index].map(|limit| limit.get() as usize) {
                // A limit counts before or after what is left out.
                Some(limit) => found >= limit.min(*expected.start()),
                None => expected.contains(&found),
            }
        };
        if official.counts.len() <= found.len() && (0..official.counts.len()).all(is_right) {
            return None;
        }
        let expected = official.counts.iter().map(|count| match (*count.start(), *count.end()) {
            (least, most) if least == most => grouped(least),
            (least, most) => format!("{} to {}", grouped(least), grouped(most)),
        });
        let (found, what) = (self.description().to_owned(), self.unit());
        Some(FetchError::OtherCounts { found, what, expected: expected.collect::<Vec<_>>().join(" + ") })
    }

    /// What of the parts is counted.
    pub(super) const fn unit(&self) -> &'static str {
        match self {
            Self::Images(_) => "images",
            Self::Text(_) => "tokens",
            Self::Pairs(_) => "pairs",
        }
    }

    /// How many examples the files have: training, validation, test. Pairs that were left out count as training pairs.
    fn counts(&self) -> Vec<usize> {
        match self {
            Self::Images(images) => vec![images.train.len(), images.valid.len()],
            Self::Text(text) => vec![text.train.len(), text.valid.len(), text.test.len()],
            Self::Pairs(pairs) => {
                let skipped = (pairs.skipped.empty + pairs.skipped.too_long) as usize;
                vec![pairs.train.len() + skipped, pairs.valid.len(), pairs.test.len()]
            }
        }
    }
}
