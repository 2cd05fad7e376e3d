//! Sample translations on the page: the first sentences of a run of each group, under source and reference.

use std::path::Path;

use maud::{Markup, html};
use serde::Deserialize;

use super::super::FileError;
use super::super::{ReportError, Run, Study};
use super::provenance::in_panel;

/// How many sentences are shown.
const SENTENCES: usize = 6;

/// What a run leaves of its translations, that of the test set before that of the validation set, and which set it is.
const FILES: [(&str, &str); 2] = [("translations-test.jsonl", "test"), ("translations-valid.jsonl", "validation")];

/// A line of a run's translations.
#[derive(Deserialize)]
struct Translation {
    source: String,
    reference: String,
    translation: String,
}

/// The first sentences of a set, as the first run of each group translates them.
pub(super) struct Samples {
    /// Which set it is.
    set: &'static str,
    /// By the labels of the groups that have some.
    groups: Vec<(String, Vec<Translation>)>,
}

impl Samples {
    /// Reads those of the first seed of each group; `None` where there are none.
    ///
    /// # Errors
    /// A file cannot be read, or a line is malformed.
    pub(super) fn read(study: &Study) -> Result<Option<Self>, ReportError> {
        for (file, set) in FILES {
            let mut groups = Vec::new();
            for (group, runs) in study.groups() {
                let first = runs.first().filter(|run| !study.unreadable.contains_key(&run.id));
                let Some(run) = first else { continue };
                let translations = read(run, &study.run_folder(run), file)?;
                if !translations.is_empty() {
                    groups.push((in_panel(&group.panel, &group.label), translations));
                }
            }
            if !groups.is_empty() {
                return Ok(Some(Self { set, groups }));
            }
        }
        Ok(None)
    }

    /// Its part of the page: each sentence with the translations under each other.
    pub(super) fn section(&self) -> Markup {
        let sentences = self.groups.first().map_or(&[][..], |(_, translations)| translations.as_slice());
        html! {
            section {
                h2 { "Sample translations" }
                p.hint { "The first sentences of the " (self.set) " set, translated by the first run of each group." }
                @for sentence in sentences {
                    dl.sample {
                        dt { "Source" } dd dir="auto" { (sentence.source) }
                        dt { "Reference" } dd dir="auto" { (sentence.reference) }
                        @for (label, translations) in &self.groups {
                            @if let Some(own) = translations.iter().find(|own| own.source == sentence.source) {
                                dt { (label) } dd dir="auto" { (own.translation) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Sees whether a run's translations can be read, as far as they are shown.
pub(in super::super) fn check(run: &Run, run_folder: &Path) -> Result<(), ReportError> {
    FILES.iter().try_for_each(|(file, _)| read(run, run_folder, file).map(|_| ()))
}

/// The first lines of a file; none where it is not there.
fn read(run: &Run, run_folder: &Path, file: &str) -> Result<Vec<Translation>, ReportError> {
    let bytes = run.files.read(run_folder, file)?.unwrap_or_default();
    let lines = bytes.split_inclusive(|&byte| byte == b'\n').take(SENTENCES);
    let path = run_folder.join(file);
    (1..)
        .zip(lines)
        .map(|(line, text)| {
            serde_json::from_slice(text).map_err(|error| FileError::malformed(&path, line, &error).into())
        })
        .collect()
}
