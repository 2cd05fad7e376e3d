//! The folder of an artifact's report in an output folder: its name, whose it is, and the files in it.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use crate::files::read_sealed_if_there;
use crate::labels::{self, Fault, Named};
use crate::{Artifact, Figure, FileError, Source};

/// The files that every report has.
const OF_ALL: [&str; 5] = ["artifact.json", "summary.json", "report.html", "curves.csv", "curves.svg"];

/// The files of a report that only some figures have.
const OF_FIGURES: [&str; 4] = ["figure.svg", "trace.csv", "plane.json", "plane.json.part"];

/// The folder of an artifact's report: `NAME` at the scale `small`, else `NAME_SCALE`.
#[must_use]
pub fn folder_name(artifact: &str, scale: &str) -> String {
    if scale == "small" { artifact.to_owned() } else { format!("{artifact}_{scale}") }
}

/// Sees that files can be written into a folder that may be missing: that nothing else has its name, nor a folder theirs.
///
/// # Errors
/// [`FileError::Write`] that names what is in the way.
pub fn check_files<'a>(folder: &Path, mut files: impl Iterator<Item = &'a str>) -> Result<(), FileError> {
    if folder.exists() && !folder.is_dir() {
        return Err(in_the_way(folder.to_owned(), ErrorKind::NotADirectory));
    }
    match files.find(|file| folder.join(file).is_dir()) {
        Some(file) => Err(in_the_way(folder.join(file), ErrorKind::IsADirectory)),
        None => Ok(()),
    }
}

fn in_the_way(path: PathBuf, kind: ErrorKind) -> FileError {
    FileError::Write { path, source: io::Error::from(kind) }
}

impl Artifact {
    /// The name of the folder of its report.
    #[must_use]
    pub fn folder(&self) -> String {
        folder_name(&self.artifact, &self.scale)
    }

    /// Its groups by their names.
    pub fn named(&self) -> Vec<Named<'_>> {
        let groups = self.groups.iter();
        groups
            .map(|group| Named { panel: &group.panel, label: &group.label, baseline: group.baseline.as_deref() })
            .collect()
    }

    /// The artifact whose report is in its folder, if there is one. Whether a report can be made of it does not matter.
    ///
    /// # Errors
    /// [`FileError`] for an `artifact.json` that cannot be read or is damaged; [`FileError::LostArtifact`] for a report
    /// without one: whose folder it is, nobody can tell.
    pub fn before(&self, out_dir: &Path) -> Result<Option<Self>, FileError> {
        let folder = out_dir.join(self.folder());
        let before = read_sealed_if_there(&folder.join("artifact.json"))?;
        match before.is_none() && folder.join("summary.json").is_file() {
            true => Err(FileError::LostArtifact { folder }),
            false => Ok(before),
        }
    }

    /// Sees that nothing stands where the files of its report go.
    ///
    /// # Errors
    /// [`FileError::Write`] that names what is in the way.
    pub fn check_folder(&self, out_dir: &Path) -> Result<(), FileError> {
        let folder = out_dir.join(self.folder());
        check_files(&folder, OF_ALL.into_iter().chain(OF_FIGURES))?;
        let tensorboard = folder.join("tensorboard");
        if tensorboard.is_file() { Err(in_the_way(tensorboard, ErrorKind::NotADirectory)) } else { Ok(()) }
    }

    /// Whether a folder that holds `other` is this one's to write in: both are the program's own, or described by one
    /// file, which may have been edited, or moved.
    #[must_use]
    pub fn owns_folder_of(&self, other: &Self) -> bool {
        let is_same = |own: &Source, other: &Source| own.file == other.file || own.sha256 == other.sha256;
        match (&self.source, &other.source) {
            (Some(own), Some(other)) => is_same(own, other),
            (None, None) => self.artifact == other.artifact,
            // Before files were noted, a sweep left its name alone.
            (Some(_), None) => self.artifact == other.artifact,
            (None, Some(_)) => false,
        }
    }

    /// [`labels::check`] of its groups.
    pub(crate) fn check_groups(&self, path: &Path) -> Result<(), FileError> {
        let (path, label) = (path.to_owned(), |group: usize| self.groups[group].label.clone());
        labels::check(&self.named()).map_err(|fault| match fault {
            Fault::NoGroup => FileError::NoGroups { path },
            Fault::Letter { group, letter } => FileError::Letter { path, label: label(group), letter },
            Fault::Repeated { group } => FileError::RepeatedLabel { path, label: label(group) },
            Fault::Baseline { group, labels } => {
                let baseline = self.groups[group].baseline.clone().unwrap_or_default();
                FileError::UnknownBaseline { path, label: label(group), baseline, labels }
            }
        })
    }
}

/// Removes the files of an earlier report that this one, of such a figure, did not write.
pub fn remove_older(folder: &Path, figure: Figure, written: &[&str]) -> Result<(), FileError> {
    let is_kept = |name: &&&str| written.contains(*name) || (figure == Figure::Plane && name.starts_with("plane.json"));
    OF_FIGURES.iter().filter(|name| !is_kept(name)).try_for_each(|name| remove_file(&folder.join(name)))
}

/// Removes a file, if it is there.
pub fn remove_file(path: &Path) -> Result<(), FileError> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != ErrorKind::NotFound => Err(FileError::Write { path: path.to_owned(), source }),
        _ => Ok(()),
    }
}
