//! WMT14's news translation from English to German: Europarl v7, Common Crawl and News Commentary v9 (Sec. 5.4).

use std::path::{Path, PathBuf};

use super::UnreadPairs;
use super::aligned::Aligned;
use crate::config::SubwordsConfig;
use crate::lines::TextFile;
use crate::store::{Candidate, locate};
use crate::{DEFAULT_FOLDER, DataError};

const NAME: &str = "wmt14_en_de";
const ADVICE: &str = "the folder holds europarl-v7.de-en, commoncrawl.de-en and news-commentary-v9.de-en (.en and .de \
    each), newstest2013.en and .de (or newstest2013-src.en.sgm and -ref.de.sgm), newstest2014-deen-src.en.sgm and \
    -ref.de.sgm; `lookahead data fetch wmt14_en_de` makes it";

/// The folder below the data folder that it is unpacked to.
pub(crate) const FOLDER: &str = "wmt14-en-de";

/// The training texts in their order, without the language's ending.
const TRAINING: [&str; 3] = ["europarl-v7.de-en", "commoncrawl.de-en", "news-commentary-v9.de-en"];

/// Looks for the files in `dir` and in its folder `wmt14-en-de`.
pub(super) fn find(dir: Option<&Path>) -> Result<PathBuf, DataError> {
    let dir = dir.unwrap_or(Path::new(DEFAULT_FOLDER));
    let folders = [dir.to_owned(), dir.join(FOLDER)];
    locate(NAME, folders.iter().map(|folder| Candidate::holding(folder, "europarl-v7.de-en.en")).collect())
}

pub(super) fn parts(folder: &Path, subwords: SubwordsConfig) -> UnreadPairs {
    let file = |name: &str| TextFile::Path { path: folder.join(name), advice: ADVICE };
    let training = TRAINING.map(|name| (file(&format!("{name}.en")), file(&format!("{name}.de"))));
    // WMT gave newstest2013 as plain text and in SGML, with German as a reference and as a source.
    let first = |names: &[&str]| {
        let path = names.iter().map(|name| folder.join(name)).find(|path| path.exists());
        TextFile::Path { path: path.unwrap_or_else(|| folder.join(names[0])), advice: ADVICE }
    };
    let english = first(&["newstest2013.en", "newstest2013-src.en.sgm"]);
    let german = first(&["newstest2013.de", "newstest2013-ref.de.sgm", "newstest2013-src.de.sgm"]);
    UnreadPairs {
        name: NAME,
        what: "WMT14 English-German".to_owned(),
        subwords,
        train: Aligned::one_after_the_other(training.into()),
        valid: Aligned::new(english, german),
        test: Some(Aligned::new(file("newstest2014-deen-src.en.sgm"), file("newstest2014-deen-ref.de.sgm"))),
    }
}
