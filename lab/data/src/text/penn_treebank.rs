//! The Penn Treebank in Mikolov's preparation: lower case, no punctuation, 10,000 words (Sec. 5.3).

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use super::UnreadText;
use crate::lines::TextFile;
use crate::store::{Candidate, locate};
use crate::zipped::{is_zip, read_zipped};
use crate::{DEFAULT_FOLDER, DataError};

const NAME: &str = "penn_treebank";
const FILES: [&str; 3] = ["ptb.train.txt", "ptb.valid.txt", "ptb.test.txt"];
const ARCHIVE: &str = "ptb.zip";
const FOLDER: &str = "ptb";
const ADVICE: &str = "put ptb.zip with ptb.train.txt, ptb.valid.txt and ptb.test.txt, or the three files themselves, \
    into the data folder or its folder ptb";
const ACCEPTED: &str = "a ZIP archive with ptb.train.txt, ptb.valid.txt and ptb.test.txt, or a folder with it or with the \
    three files";

/// Looks for the archive and the files in `dir` and in its folder `ptb`; `dir` may also be the archive.
pub(super) fn find(dir: Option<&Path>) -> Result<PathBuf, DataError> {
    let dir = dir.unwrap_or(Path::new(DEFAULT_FOLDER));
    let folders = [dir.to_owned(), dir.join(FOLDER)];
    let candidates = |folder: &PathBuf| [Candidate::named(folder.join(ARCHIVE)), Candidate::holding(folder, FILES[0])];
    let places = folders.iter().flat_map(candidates).collect();
    let path = if dir.is_file() { dir.to_owned() } else { locate(NAME, places)? };
    if !path.is_file() || is_zip(&path)? { Ok(path) } else { Err(DataError::NoArchive { path, accepted: ACCEPTED }) }
}

/// `place` is the archive, or the folder with the files.
pub(super) fn parts(place: &Path, vocabulary: NonZeroU32) -> Result<UnreadText, DataError> {
    let file = |name: &str| {
        if place.is_dir() {
            return Ok(TextFile::Path { path: place.join(name), advice: ADVICE });
        }
        read_zipped(place, name, ADVICE)
    };
    let [train, valid, test] = FILES.map(file);
    let (train, valid, test) = (train?, valid?, Some(test?));
    Ok(UnreadText { name: NAME, what: "Penn Treebank".to_owned(), vocabulary, train, valid, test })
}
