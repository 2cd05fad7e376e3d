//! Pictures in one folder for each class, as in `train/CLASS/NAME.jpg`: what there is, in a fixed order.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::DataError;
use super::content_index::{self, Sha256Sum};
use super::error::shown;
use super::store::{Kind, Place, Store};
use super::tree::is_hidden;

/// The files of both parts, by class and then by name, in the order of the names' bytes.
#[derive(Debug)]
pub(super) struct ClassFolders {
    pub(super) store: Arc<Store>,
    /// Sorted by name: the class with index 0 is the first.
    pub(super) classes: Vec<OsString>,
    pub(super) train: Vec<ClassFile>,
    pub(super) valid: Vec<ClassFile>,
}

/// A picture's file.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ClassFile {
    /// Its path from the root: `train/CLASS/NAME.jpg`. Names need not be UTF-8.
    pub(super) name: OsString,
    pub(super) label: u16,
    pub(super) place: Place,
    /// Of its content, where that has to be what it was.
    pub(super) sha256: Option<Sha256Sum>,
}

/// The folders of a part.
struct Listed {
    part: &'static str,
    files: Vec<ListedFile>,
    /// What lies there beside folders.
    others: Vec<OsString>,
}

/// A file before its class has a number.
struct ListedFile {
    class: OsString,
    file: OsString,
    place: Place,
}

impl ClassFolders {
    /// Lists the pictures below `train` and below the folder `valid_part` of a folder or an archive, in which the two
    /// may lie in another folder.
    pub(super) fn list(mut store: Store, valid_part: &'static str) -> Result<Self, DataError> {
        if let Store::Archive(archive) = &mut store {
            archive.start_where("train")?;
        }
        let (train, valid) = (list_part(&store, "train")?, list_part(&store, valid_part)?);
        for (part, listed) in [("training", &train), ("validation", &valid)] {
            if listed.files.is_empty() {
                return Err(DataError::Empty { file: shown(store.path()), part });
            }
        }
        let classes: BTreeSet<&OsString> = train.files.iter().map(|listed| &listed.class).collect();
        let classes: Vec<OsString> = classes.into_iter().cloned().collect();
        if classes.len() > usize::from(u16::MAX) {
            let (file, found) = (shown(store.path()), classes.len());
            return Err(DataError::ClassCount { file, found, accepted: "at most 65,535" });
        }
        let train = numbered(&store, &classes, train)?;
        let valid = numbered(&store, &classes, valid)?;
        Ok(Self { store: Arc::new(store), classes, train, valid })
    }
}

fn list_part(store: &Store, part: &'static str) -> Result<Listed, DataError> {
    let (mut files, mut others) = (Vec::new(), Vec::new());
    for class in store.entries(Path::new(part))?.into_iter().filter(|class| !is_hidden(class)) {
        let folder = Path::new(part).join(&class);
        if let Kind::File(_) = store.kind(&folder)? {
            others.push(class);
            continue;
        }
        let before = files.len();
        for file in store.entries(&folder)?.into_iter().filter(|file| is_jpeg(file)) {
            let path = folder.join(&file);
            match store.kind(&path)? {
                Kind::File(place) => files.push(ListedFile { class: class.clone(), file, place }),
                Kind::Folder => {
                    let source = std::io::ErrorKind::IsADirectory.into();
                    return Err(DataError::Io { path: store.path().join(path), source });
                }
            }
        }
        if files.len() == before {
            return Err(DataError::EmptyClass { folder: store.path().join(folder) });
        }
    }
    Ok(Listed { part, files, others })
}

/// Whether a file's name is that of a JPEG picture.
fn is_jpeg(name: &OsStr) -> bool {
    let ending = Path::new(name).extension().unwrap_or_default();
    !is_hidden(name) && ["jpg", "jpeg"].iter().any(|jpeg| ending.eq_ignore_ascii_case(jpeg))
}

/// Gives each class its number.
fn numbered(store: &Store, classes: &[OsString], listed: Listed) -> Result<Vec<ClassFile>, DataError> {
    let path = |class: &OsString| store.path().join(listed.part).join(class);
    // Lists and notes have an ending; a class has not, or is known from its pictures.
    let is_class = |name: &&OsString| Path::new(name).extension().is_none() || classes.binary_search(name).is_ok();
    if let Some(class) = listed.others.iter().find(is_class) {
        return Err(DataError::NoFolder { path: path(class) });
    }
    let number = |ListedFile { class, file, place }: ListedFile| {
        let label = classes.binary_search(&class).map_err(|_| DataError::UnknownClass { folder: path(&class) })?;
        let mut name = OsString::from(listed.part);
        for part in [class, file] {
            name.push("/");
            name.push(part);
        }
        Ok::<_, DataError>(ClassFile { name, label: label as u16, place, sha256: None })
    };
    let mut files: Vec<ClassFile> = listed.files.into_iter().map(number).collect::<Result<_, _>>()?;
    files.sort_by(|a, b| (a.label, a.name.as_encoded_bytes()).cmp(&(b.label, b.name.as_encoded_bytes())));
    Ok(files)
}

impl ClassFile {
    /// The full name, for errors.
    pub(super) fn name_in(&self, store: &Store) -> String {
        shown(&self.path_in(store))
    }

    pub(super) fn path_in(&self, store: &Store) -> PathBuf {
        store.path().join(&self.name)
    }

    /// What `read` makes of the bytes of the picture's file, if they are those that were hashed.
    pub(super) fn with_content<T>(&self, store: &Store, read: impl FnOnce(&[u8]) -> T) -> Result<T, DataError> {
        let checked = |bytes: &[u8]| match &self.sha256 {
            Some(expected) if Sha256Sum::of(bytes) != *expected => {
                Err(DataError::Changed { path: self.path_in(store), hashes: store.path().join(content_index::NAME) })
            }
            _ => Ok(read(bytes)),
        };
        store.with_content(Path::new(&self.name), &self.place, checked)?
    }
}
