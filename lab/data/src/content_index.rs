//! The content hashes of a folder's files, kept in a hidden file beside them so that each file is hashed once.

use std::collections::HashMap;
use std::path::Path;

use rayon::prelude::{IntoParallelRefMutIterator, ParallelIterator};
use sha2::{Digest, Sha256};

use super::DataError;
use super::class_folders::ClassFile;
use super::store::{Place, Store};
use lookahead_runs::files;

/// The file beside `train` and `val`.
pub(super) const NAME: &str = ".lookahead-sha256";

/// How the file begins. Each entry follows: a name with its length before it, size, two times and hash, little-endian; and
/// last the SHA-256 of it all.
const MAGIC: &[u8] = b"lookahead content hashes 2\n";

/// The most bytes of the file: 2^31, for ten million pictures.
const MOST_BYTES: u64 = 1 << 31;

/// The SHA-256 of a content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sha256Sum([u8; 32]);

impl Sha256Sum {
    pub(super) fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    pub(super) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// The hashes that are known, by name.
type Known = HashMap<Vec<u8>, (Stamp, Sha256Sum)>;

/// What a hash holds for: a size, and when the content and when anything of the file was last changed. The first of these
/// times can be set, as those who copy do; then the second is another.
type Stamp = (u64, i128, i128);

/// Gives each file the hash of its content. In a folder only those are read that are new or have changed in size or
/// in a time since they were hashed; where the folder cannot be written, the hashes are not kept.
///
/// A hash that is out of date does no harm: whoever reads a file compares.
pub(super) fn hash(store: &Store, parts: [&mut Vec<ClassFile>; 2]) -> Result<(), DataError> {
    let known = match store {
        Store::Folder(root) => read(&root.join(NAME)),
        Store::Archive(_) => Known::new(),
    };
    let mut files: Vec<&mut ClassFile> = parts.into_iter().flatten().collect();
    let is_new: Vec<bool> = files.par_iter_mut().map(|file| add(file, store, &known)).collect::<Result<_, _>>()?;
    if let Store::Folder(root) = store
        && is_new.contains(&true)
    {
        // It only saves time.
        let _ = files::replace(&root.join(NAME), &written(known, &files));
    }
    Ok(())
}

/// Whether the file had to be read.
fn add(file: &mut ClassFile, store: &Store, known: &Known) -> Result<bool, DataError> {
    let stamp = stamp(file);
    let found = known.get(file.name.as_encoded_bytes()).filter(|(known, _)| Some(*known) == stamp);
    let sha256 = match found {
        Some((_, sha256)) => *sha256,
        None => file.with_content(store, Sha256Sum::of)?,
    };
    file.sha256 = Some(sha256);
    Ok(found.is_none())
}

fn stamp(file: &ClassFile) -> Option<Stamp> {
    match file.place {
        Place::Disk { bytes, modified, changed } => Some((bytes, modified, changed)),
        Place::Archive(_) => None,
    }
}

/// What the file says; nothing if it is damaged or absent.
fn read(path: &Path) -> Known {
    files::read(path, MOST_BYTES).ok().and_then(|bytes| parsed(&bytes)).unwrap_or_default()
}

fn parsed(bytes: &[u8]) -> Option<Known> {
    let (entries, checksum) = bytes.split_last_chunk::<32>()?;
    if Sha256Sum::of(entries).0 != *checksum {
        return None;
    }
    let mut left = entries.strip_prefix(MAGIC)?;
    let mut known = Known::new();
    while !left.is_empty() {
        let (length, rest) = left.split_first_chunk()?;
        let (name, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        let (size, rest) = rest.split_first_chunk()?;
        let (modified, rest) = rest.split_first_chunk()?;
        let (changed, rest) = rest.split_first_chunk()?;
        let (sha256, rest) = rest.split_first_chunk()?;
        let stamp = (u64::from_le_bytes(*size), i128::from_le_bytes(*modified), i128::from_le_bytes(*changed));
        known.insert(name.to_owned(), (stamp, Sha256Sum(*sha256)));
        left = rest;
    }
    Some(known)
}

/// The file with what is known now. Entries of other files stay: a run with other limits may need them.
fn written(mut known: Known, files: &[&mut ClassFile]) -> Vec<u8> {
    for file in files {
        if let (Some(stamp), Some(sha256)) = (stamp(file), file.sha256) {
            known.insert(file.name.as_encoded_bytes().to_owned(), (stamp, sha256));
        }
    }
    let mut entries: Vec<_> = known.into_iter().collect();
    entries.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    let mut bytes = MAGIC.to_owned();
    for (name, ((size, modified, changed), sha256)) in entries {
        bytes.extend((name.len() as u32).to_le_bytes());
        bytes.extend(name);
        bytes.extend(size.to_le_bytes());
        bytes.extend(modified.to_le_bytes());
        bytes.extend(changed.to_le_bytes());
        bytes.extend(sha256.0);
    }
    bytes.extend(Sha256Sum::of(&bytes).0);
    bytes
}
