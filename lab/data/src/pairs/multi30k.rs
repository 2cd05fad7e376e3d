//! Multi30k (Elliott et al. 2016), task 1: captions of pictures in English, translated into German.

use std::path::{Path, PathBuf};

use super::UnreadPairs;
use super::aligned::Aligned;
use crate::config::SubwordsConfig;
use crate::lines::TextFile;
use crate::store::{Candidate, locate};
use crate::{DEFAULT_FOLDER, DataError};

const NAME: &str = "multi30k";
const ADVICE: &str = "train.en.gz, train.de.gz, val.en.gz, val.de.gz, test_2016_flickr.en.gz and test_2016_flickr.de.gz \
    belong together, with or without .gz; `lookahead data fetch multi30k` gets them";

/// The folder below the data folder that it is fetched to.
pub(crate) const FOLDER: &str = "multi30k";

/// Looks for the files in `dir` and in its folder `multi30k`.
pub(super) fn find(dir: Option<&Path>) -> Result<PathBuf, DataError> {
    let dir = dir.unwrap_or(Path::new(DEFAULT_FOLDER));
    let folders = [dir.to_owned(), dir.join(FOLDER)];
    let candidates = |folder: &PathBuf| ["train.en.gz", "train.en"].map(|name| Candidate::holding(folder, name));
    locate(NAME, folders.iter().flat_map(candidates).collect())
}

pub(super) fn parts(folder: &Path, subwords: SubwordsConfig) -> UnreadPairs {
    let file = |part: &str, language: &str| {
        let [compressed, plain] = [".gz", ""].map(|ending| folder.join(format!("{part}.{language}{ending}")));
        TextFile::Path { path: if plain.exists() { plain } else { compressed }, advice: ADVICE }
    };
    let aligned = |part: &str| Aligned::new(file(part, "en"), file(part, "de"));
    UnreadPairs {
        name: NAME,
        what: "Multi30k English-German".to_owned(),
        subwords,
        train: aligned("train"),
        valid: aligned("val"),
        test: Some(aligned("test_2016_flickr")),
    }
}
