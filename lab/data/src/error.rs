//! What can be wrong with a data set's files.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use lookahead_runs::format::counted;
use lookahead_runs::printable::printable_os_name;

/// Why a data set could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// The data set is nowhere to be found.
    #[error(
        "{name} is not here; looked for {}; `lookahead data fetch {name}` gets it, or says what to put where; \
         `--data DIR` (`data.dir` in a configuration) names another place",
        listed(looked_for)
    )]
    NotFound {
        /// Its name, as in a configuration.
        name: &'static str,
        /// All the places where it could have been.
        looked_for: Vec<PathBuf>,
    },
    /// A file of the data set is not there.
    #[error("{} is missing ({advice})", shown(path))]
    MissingFile {
        /// Where it was looked for.
        path: PathBuf,
        /// How to get it.
        advice: &'static str,
    },
    /// A file cannot be read.
    #[error("cannot read {}", shown(path))]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// The compressed file is damaged.
    #[error("{file}: damaged gzip data")]
    Gzip {
        /// The file.
        file: String,
        /// What showed it.
        source: std::io::Error,
    },
    /// An archive is damaged.
    #[error("{}: damaged archive", shown(path))]
    Archive {
        /// The archive.
        path: PathBuf,
        /// What showed it.
        source: std::io::Error,
    },
    /// A file that is no archive in the place of one.
    #[error("{}: this is no archive that is read here; accepted: {accepted}", shown(path))]
    NoArchive {
        /// The file.
        path: PathBuf,
        /// What would have been accepted.
        accepted: &'static str,
    },
    /// A file that should consist of records of one size does not.
    #[error(
        "{file}: {bytes} bytes, but a whole number of records of {record_bytes} bytes was expected; record {} \
         (counted from 0) is cut off",
        bytes / record_bytes
    )]
    PartialRecord {
        /// The file.
        file: String,
        /// How many bytes it has.
        bytes: usize,
        /// How many each record takes.
        record_bytes: usize,
    },
    /// An IDX file begins with another number than it should.
    #[error("{file}: the magic number is {found:#010x}, but {expected:#010x} was expected")]
    WrongMagic {
        /// The file.
        file: String,
        /// Its first four bytes.
        found: u32,
        /// What they should be.
        expected: u32,
    },
    /// A file is shorter than its header says.
    #[error("{file}: truncated: {found} bytes (uncompressed) of {expected}")]
    Truncated {
        /// The file.
        file: String,
        /// How many bytes there are, uncompressed.
        found: u64,
        /// How many there should be.
        expected: u64,
    },
    /// A file goes on after the end that its header gives.
    #[error("{file}: more follows after the {expected} bytes (uncompressed) that its header announces")]
    TrailingBytes {
        /// The file.
        file: String,
        /// How many bytes there should be.
        expected: u64,
    },
    /// Images of a size that makes no sense, or more of them than fit in memory.
    #[error("{file}: {} of {rows} x {columns} pixels, but {accepted}", counted(*count as u64, "image"))]
    WrongSize {
        /// The file.
        file: String,
        /// The number of images.
        count: usize,
        /// Rows of pixels.
        rows: usize,
        /// Columns of pixels.
        columns: usize,
        /// What would have been accepted.
        accepted: &'static str,
    },
    /// There are more or fewer labels than images.
    #[error("{images_file} has {}, but {labels_file} has {}", counted(*images as u64, "image"), counted(*labels as u64, "label"))]
    CountMismatch {
        /// The file with the images.
        images_file: String,
        /// How many images.
        images: usize,
        /// The file with the labels.
        labels_file: String,
        /// How many labels.
        labels: usize,
    },
    /// A label names a class that there is not.
    #[error("{file}: {what} {label} of example {index} (counted from 0), but the classes are 0 to {}", classes - 1)]
    WrongLabel {
        /// The file.
        file: String,
        /// Which label, if an example has several.
        what: &'static str,
        /// Which example, from 0.
        index: usize,
        /// Its label.
        label: u8,
        /// The number of classes.
        classes: u8,
    },
    /// A line of a table has too many or too few fields.
    #[error("{file}:{line}: {found} fields, but {expected} were expected")]
    WrongFieldCount {
        /// The file.
        file: String,
        /// The line, from 1.
        line: usize,
        /// How many fields it has.
        found: usize,
        /// How many it should have.
        expected: usize,
    },
    /// A field of a table is not what it should be.
    #[error("{file}:{line}: field {field} is {value:?}, but must be a whole number from 0 to {max}")]
    WrongField {
        /// The file.
        file: String,
        /// The line, from 1.
        line: usize,
        /// Which field, from 1.
        field: usize,
        /// What it says.
        value: String,
        /// The largest number accepted.
        max: u8,
    },
    /// A line of a text is not UTF-8.
    #[error("{file}:{line}: not valid UTF-8")]
    InvalidUtf8 {
        /// The file.
        file: String,
        /// The line, from 1.
        line: usize,
    },
    /// A line that is longer than any is read.
    #[error("{file}:{line}: this line has more than {longest} bytes, the most that are read of one")]
    LineTooLong {
        /// The file.
        file: String,
        /// The line, from 1.
        line: usize,
        /// The most bytes of a line.
        longest: u64,
    },
    /// More than is held in memory.
    #[error("{file}: more than {most} {what}, the most that are read")]
    TooMany {
        /// The file.
        file: String,
        /// What there is too much of.
        what: &'static str,
        /// The most that is read.
        most: u64,
    },
    /// A text and its translation have different numbers of lines.
    #[error("{source_file} has {}, but {target_file} has {target_lines}: each must translate one", counted(*source_lines as u64, "line"))]
    LineCounts {
        /// The text.
        source_file: String,
        /// How many lines it has.
        source_lines: usize,
        /// Its translation.
        target_file: String,
        /// How many lines it has.
        target_lines: usize,
    },
    /// An SGML file without segments, or with one that is cut off.
    #[error("{file}:{line}: not the SGML of a test set: {reason}")]
    Sgml {
        /// The file.
        file: String,
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        reason: &'static str,
    },
    /// A tokenizer's file cannot be used.
    #[error("{file}: not a tokenizer that can be used here: {reason}")]
    Subwords {
        /// The file.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A tokenizer has another vocabulary than the configuration.
    #[error(
        "{file}: {found} subwords, but data.vocabulary is {expected}: set data.vocabulary = {found} to use this file"
    )]
    SubwordCount {
        /// The file.
        file: String,
        /// How many subwords it has.
        found: usize,
        /// How many the configuration says.
        expected: usize,
    },
    /// A data set of another kind was asked for.
    #[error("the data set {name} is no {kind}")]
    OtherKind {
        /// Its name, as in a configuration.
        name: &'static str,
        /// What was asked for.
        kind: &'static str,
    },
    /// A file holds no examples to train on, or none to validate or test on.
    #[error("{file}: no {part} examples")]
    Empty {
        /// The file.
        file: String,
        /// `training`, `validation` or `test`.
        part: &'static str,
    },
    /// All training pairs are too long.
    #[error("{file}: all {count} pairs have more than {longest} subwords on a side (data.longest), none is left")]
    TooLong {
        /// The file with the sentences.
        file: String,
        /// How many pairs.
        count: u64,
        /// How many subwords a side may have.
        longest: usize,
    },
    /// A class folder without a picture.
    #[error("{}: this class has no JPEG file (.jpg, .jpeg)", shown(folder))]
    EmptyClass {
        /// The folder.
        folder: PathBuf,
    },
    /// Something else where a class folder is expected.
    #[error(
        "{}: a file stands where the folder of a class is expected (what is no class needs an ending, such as .txt)",
        shown(path)
    )]
    NoFolder {
        /// What lies there.
        path: PathBuf,
    },
    /// A file is not what it was when the data set was opened.
    #[error(
        "{}: its content has changed since it was hashed: the disk is damaged, or something writes there; if it is as it \
         should be, delete {}, and all are hashed anew",
        shown(path),
        shown(hashes)
    )]
    Changed {
        /// The file.
        path: PathBuf,
        /// Where the hashes are kept.
        hashes: PathBuf,
    },
    /// A class to validate on that is not trained on.
    #[error("{}: the folder `train` has no class of this name", shown(folder))]
    UnknownClass {
        /// The folder.
        folder: PathBuf,
    },
    /// Too many or too few class folders.
    #[error("{file}: {}, but {accepted} were expected", counted(*found as u64, "class"))]
    ClassCount {
        /// The folder or archive.
        file: String,
        /// How many classes it has.
        found: usize,
        /// How many are accepted.
        accepted: &'static str,
    },
    /// A picture cannot be decoded.
    #[error("{file}: the picture is damaged: {reason}")]
    Image {
        /// The file.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The thread that reads ahead could not be started.
    #[error("cannot start the thread that reads data")]
    Thread {
        /// What the operating system says.
        source: std::io::Error,
    },
}

/// A path as a message shows it.
pub(super) fn shown(path: &Path) -> String {
    shown_name(path.as_os_str())
}

/// The same of a name. Of thousands of letters, which no file on a disk has, but a member of an archive may, the first and the
/// last are shown.
pub(super) fn shown_name(name: &OsStr) -> String {
    const LONGEST: usize = 600;
    let text = printable_os_name(name);
    let count = text.chars().count();
    if count <= LONGEST {
        return text;
    }
    let (first, last) = (text.chars().take(LONGEST / 2), text.chars().skip(count - LONGEST / 2));
    first.chain(['…']).chain(last).collect()
}

fn listed(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| shown(path)).collect::<Vec<_>>().join(", ")
}
