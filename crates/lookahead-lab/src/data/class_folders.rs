//! Pictures in one folder for each class, as in `train/CLASS/NAME.jpg`: what there is, in a fixed order.

use std::collections::BTreeSet;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::DataError;
use super::store::{Archive, Store};

/// The files of both parts, by class and then by name.
#[derive(Debug)]
pub(super) struct ClassFolders {
    pub(super) store: Arc<Store>,
    /// Sorted by name: the class with index 0 is the first.
    pub(super) classes: Vec<String>,
    pub(super) train: Vec<ClassFile>,
    pub(super) valid: Vec<ClassFile>,
}

/// A picture's file.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ClassFile {
    /// Its path from the root: `train/CLASS/NAME.jpg`.
    pub(super) name: String,
    pub(super) label: u16,
    /// In bytes.
    pub(super) size: u64,
    /// Where it is, in an archive.
    range: Option<Range<usize>>,
}

/// A file before its class has a number.
struct Listed {
    class: String,
    file: String,
    size: u64,
    range: Option<Range<usize>>,
}

impl ClassFolders {
    /// Lists the pictures below `train` and below the folder `valid_part` of a folder or an archive.
    pub(super) fn list(store: Store, valid_part: &str) -> Result<Self, DataError> {
        let listed = |part| match &store {
            Store::Folder(folder) => list_folder(&folder.join(part)),
            Store::Archive(archive) => Ok(list_archive(archive, part)),
        };
        let (train, valid) = (listed("train")?, listed(valid_part)?);
        for (part, files) in [("training", &train), ("validation", &valid)] {
            if files.is_empty() {
                return Err(DataError::Empty { file: store.path().display().to_string(), part });
            }
        }
        let classes: BTreeSet<&String> = train.iter().map(|listed| &listed.class).collect();
        let classes: Vec<String> = classes.into_iter().cloned().collect();
        if classes.len() > usize::from(u16::MAX) {
            let (file, found) = (store.path().display().to_string(), classes.len());
            return Err(DataError::ClassCount { file, found, accepted: "at most 65,535" });
        }
        let train = numbered(&store, "train", &classes, train)?;
        let valid = numbered(&store, valid_part, &classes, valid)?;
        Ok(Self { store: Arc::new(store), classes, train, valid })
    }
}

/// Gives each class its number.
fn numbered(store: &Store, part: &str, classes: &[String], files: Vec<Listed>) -> Result<Vec<ClassFile>, DataError> {
    let number = |Listed { class, file, size, range }: Listed| match classes.binary_search(&class) {
        Ok(label) => Ok(ClassFile { name: format!("{part}/{class}/{file}"), label: label as u16, size, range }),
        Err(_) => Err(DataError::UnknownClass { folder: store.path().join(part).join(class) }),
    };
    let mut files: Vec<ClassFile> = files.into_iter().map(number).collect::<Result<_, _>>()?;
    files.sort_by(|a, b| a.label.cmp(&b.label).then_with(|| a.name.cmp(&b.name)));
    Ok(files)
}

/// Whether a file's name is that of a JPEG picture.
fn is_jpeg(name: &str) -> bool {
    let ending = Path::new(name).extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    !name.starts_with('.') && ["jpg", "jpeg"].iter().any(|jpeg| ending.eq_ignore_ascii_case(jpeg))
}

fn list_folder(part: &Path) -> Result<Vec<Listed>, DataError> {
    let mut listed = Vec::new();
    for class in entries(part)? {
        let folder = part.join(&class);
        if class.starts_with('.') || !folder.is_dir() {
            continue;
        }
        let before = listed.len();
        for file in entries(&folder)?.into_iter().filter(|file| is_jpeg(file)) {
            let path = folder.join(&file);
            let size = fs::metadata(&path).map_err(|source| DataError::Io { path, source })?.len();
            listed.push(Listed { class: class.clone(), file, size, range: None });
        }
        if listed.len() == before {
            return Err(DataError::EmptyClass { folder });
        }
    }
    Ok(listed)
}

/// The names in a folder.
fn entries(folder: &Path) -> Result<Vec<String>, DataError> {
    let io = |source| DataError::Io { path: folder.to_owned(), source };
    let entries = fs::read_dir(folder).map_err(io)?;
    entries.map(|entry| Ok(entry.map_err(io)?.file_name().to_string_lossy().into_owned())).collect()
}

/// The folder `part` may lie in other folders.
fn list_archive(archive: &Archive, part: &str) -> Vec<Listed> {
    let listed = |(path, range): &(String, Range<usize>)| {
        let mut names = path.rsplit('/');
        let (file, class, folder) = (names.next()?, names.next()?, names.next()?);
        (folder == part && is_jpeg(file)).then(|| Listed {
            class: class.to_owned(),
            file: file.to_owned(),
            size: range.len() as u64,
            range: Some(range.clone()),
        })
    };
    archive.files().iter().filter_map(listed).collect()
}

impl Store {
    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Folder(folder) => folder,
            Self::Archive(archive) => archive.path(),
        }
    }

    /// The full name of a picture's file, for errors.
    pub(super) fn name_of(&self, file: &ClassFile) -> String {
        self.path().join(&file.name).display().to_string()
    }

    /// What `read` makes of the bytes of a picture's file.
    pub(super) fn with_content<T>(&self, file: &ClassFile, read: impl FnOnce(&[u8]) -> T) -> Result<T, DataError> {
        match (self, &file.range) {
            (Self::Archive(archive), Some(range)) => Ok(read(archive.content(range))),
            _ => {
                let path: PathBuf = self.path().join(&file.name);
                let bytes = fs::read(&path).map_err(|source| DataError::Io { path, source })?;
                Ok(read(&bytes))
            }
        }
    }
}
