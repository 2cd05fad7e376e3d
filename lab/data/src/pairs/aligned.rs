//! Aligned texts, read side by side: line n of a target translates line n of its source.

use crate::DataError;
use crate::lines::{LONGEST_SENTENCE, TextFile, TextLines};

/// Texts with their translations, one after the other.
#[derive(Debug, Clone)]
pub(super) struct Aligned {
    files: Vec<(TextFile, TextFile)>,
}

impl Aligned {
    pub(super) fn new(source: TextFile, target: TextFile) -> Self {
        Self { files: vec![(source, target)] }
    }

    pub(super) fn one_after_the_other(files: Vec<(TextFile, TextFile)>) -> Self {
        Self { files }
    }

    /// The sources' names, for errors.
    pub(super) fn name(&self) -> String {
        self.files.iter().map(|(source, _)| source.name()).collect::<Vec<_>>().join(", ")
    }

    /// The names of both sides, for errors.
    pub(super) fn names(&self) -> String {
        let names = self.files.iter().map(|(source, target)| format!("{} with {}", source.name(), target.name()));
        names.collect::<Vec<_>>().join(", ")
    }

    /// The first pairs, trimmed; those without a word on either side are left out and counted.
    ///
    /// Whoever asks beyond the last one has the rest of the lines counted on both sides.
    pub(super) fn pairs(&self, limit: Option<usize>) -> PairLines<'_> {
        let left = limit.unwrap_or(usize::MAX);
        PairLines { files: self.files.iter(), current: None, left, skipped: 0, is_over: false }
    }
}

/// Goes through aligned texts.
pub(super) struct PairLines<'a> {
    files: std::slice::Iter<'a, (TextFile, TextFile)>,
    current: Option<Current<'a>>,
    /// How many pairs the limit leaves.
    left: usize,
    skipped: u64,
    /// Nothing comes after the end or an error.
    is_over: bool,
}

struct Current<'a> {
    files: &'a (TextFile, TextFile),
    source: TextLines<'a>,
    target: TextLines<'a>,
    read: usize,
}

impl Iterator for PairLines<'_> {
    type Item = Result<(String, String), DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let next = self.advance().transpose();
        self.is_over = !matches!(next, Some(Ok(_)));
        next
    }
}

impl PairLines<'_> {
    /// How many pairs were left out so far.
    pub(super) fn skipped(&self) -> u64 {
        self.skipped
    }

    fn advance(&mut self) -> Result<Option<(String, String)>, DataError> {
        loop {
            let Some(current) = &mut self.current else {
                let Some(files) = self.files.next() else { return Ok(None) };
                let (source, target) = (files.0.lines(LONGEST_SENTENCE)?, files.1.lines(LONGEST_SENTENCE)?);
                self.current = Some(Current { files, source, target, read: 0 });
                continue;
            };
            let (source, target) = match current.next()? {
                Some(pair) => pair,
                None => {
                    self.current = None;
                    continue;
                }
            };
            if self.left == 0 {
                continue;
            }
            let [source, target] = [&source, &target].map(|text| text.trim());
            if source.is_empty() || target.is_empty() {
                self.skipped += 1;
                continue;
            }
            self.left -= 1;
            return Ok(Some((source.to_owned(), target.to_owned())));
        }
    }
}

impl Current<'_> {
    fn next(&mut self) -> Result<Option<(String, String)>, DataError> {
        match (self.source.next().transpose()?, self.target.next().transpose()?) {
            (Some(source), Some(target)) => {
                self.read += 1;
                Ok(Some((source, target)))
            }
            (None, None) => Ok(None),
            (source, target) => {
                let (source_file, target_file) = (self.files.0.name(), self.files.1.name());
                let source_lines = self.read + usize::from(source.is_some()) + count(&mut self.source)?;
                let target_lines = self.read + usize::from(target.is_some()) + count(&mut self.target)?;
                Err(DataError::LineCounts { source_file, source_lines, target_file, target_lines })
            }
        }
    }
}

/// How many lines are left.
fn count(lines: &mut TextLines<'_>) -> Result<usize, DataError> {
    lines.try_fold(0, |count, line| line.map(|_| count + 1))
}
