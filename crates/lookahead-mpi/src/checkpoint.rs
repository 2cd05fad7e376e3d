//! Checkpoints of one outer step on all ranks: each writes its own, and the old ones go once all have the new one.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use lookahead::collective::Collective;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::start::broadcast;

const MAGIC: &[u8; 8] = b"lookmpi1";

/// A folder of checkpoints, one file for each rank; the same folder on all, or one on each machine.
#[derive(Debug, Clone)]
pub struct Checkpoints {
    folder: PathBuf,
}

/// What a file says of itself, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Label {
    rank: usize,
    size: usize,
    outer: u64,
}

impl Label {
    fn path(self, folder: &Path) -> PathBuf {
        let Self { rank, size, outer } = self;
        folder.join(format!("rank-{rank}-of-{size}-outer-{outer}.checkpoint"))
    }

    fn of(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?.strip_prefix("rank-")?.strip_suffix(".checkpoint")?;
        let (rank, rest) = name.split_once("-of-")?;
        let (size, outer) = rest.split_once("-outer-")?;
        Some(Self { rank: rank.parse().ok()?, size: size.parse().ok()?, outer: outer.parse().ok()? })
    }
}

impl Checkpoints {
    /// The folder; it is made where it is missing, in the first save.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// Writes this rank's part of the checkpoint of outer step `outer`; all ranks do. The file is whole or not there, and older
    /// ones go only after every rank has its own: at any moment there is one outer step that all have.
    ///
    /// `outer` is any number that grows from one save to the next: the inner step, say, or the number of syncs
    /// ([`SyncClock::outer`](lookahead::SyncClock::outer)) where there is at most one save to a cycle. What a killed
    /// save has left on some ranks under this number goes first.
    ///
    /// # Errors
    /// [`Error::AlreadySaved`] on every rank if all have one of this number: it stays. [`Error::NotSaved`] on every
    /// rank if one could not write: then the new files go and the old ones stay. After both the run can go on.
    /// [`Differs`](lookahead::collective::CollectiveError::Differs) if the numbers do.
    pub fn save(&self, workers: &mut dyn Collective, outer: u64, payload: &[u8]) -> Result<(), Error> {
        let label = Label { rank: workers.rank(), size: workers.size(), outer };
        workers.agree("the number of the checkpoint", &outer.to_string())?;
        let whole = workers.gather(vec![u8::from(self.read(label).is_some())])?;
        let is_whole = |said: &Vec<u8>| *said == [1];
        if whole.iter().all(is_whole) {
            return Err(Error::AlreadySaved { outer });
        }
        if whole.iter().any(is_whole) {
            // beside a new one of another rank it would pass for one of the same moment
            all_could(workers, self.remove(label))?;
        }
        if let Err(error) = all_could(workers, self.write(label, payload)) {
            // what cannot be removed is of an outer step that not all have
            self.remove(label).ok();
            return Err(error);
        }
        for other in self.labels().into_iter().filter(|other| *other != label) {
            let left_over = label.rank == 0 && other.rank >= label.size;
            if other.rank == label.rank || left_over {
                fs::remove_file(other.path(&self.folder)).ok();
            }
        }
        Ok(())
    }

    /// The newest outer step of which every rank has a whole checkpoint, and this rank's payload of it; `None` where no rank has any.
    ///
    /// # Errors
    /// [`Error::OtherWorkers`] if they are of another number of workers alone; [`Error::NoCommonCheckpoint`].
    pub fn load(&self, workers: &mut dyn Collective) -> Result<Option<(u64, Vec<u8>)>, Error> {
        let (rank, size) = (workers.rank(), workers.size());
        let labels = self.labels();
        let own: Vec<_> = labels.iter().copied().filter(|label| label.rank == rank && label.size == size).collect();
        let whole: Vec<(u64, Vec<u8>)> =
            own.iter().filter_map(|label| Some((label.outer, self.read(*label)?))).collect();
        let outers: Vec<u64> = whole.iter().map(|(outer, _)| *outer).collect();
        let other = labels.iter().map(|label| label.size).find(|other| *other != size);
        let said = postcard::to_allocvec(&(&outers, own.len(), other)).unwrap_or_default();
        let ranks: Vec<(Vec<u64>, usize, Option<usize>)> =
            workers.gather(said)?.iter().map(|bytes| postcard::from_bytes(bytes).unwrap_or_default()).collect();
        let has = |outer: &u64, rank: &(Vec<u64>, usize, Option<usize>)| rank.0.contains(outer);
        let common = ranks[0].0.iter().filter(|outer| ranks.iter().all(|rank| has(outer, rank))).max();
        if let Some(outer) = common {
            return Ok(whole.into_iter().find(|(own, _)| own == outer));
        }
        if ranks.iter().all(|(_, files, _)| *files == 0) {
            let other = ranks.iter().find_map(|(.., other)| *other);
            return other.map_or(Ok(None), |found| Err(Error::OtherWorkers { found, here: size }));
        }
        let newest = ranks.iter().flat_map(|(outers, ..)| outers).max();
        let without = ranks.iter().position(|rank| newest.is_none_or(|newest| !has(newest, rank)));
        Err(Error::NoCommonCheckpoint { rank: without.unwrap_or_default() })
    }

    /// Rank 0's payload of the newest checkpoint of any number of workers, for all ranks: number of workers, outer step, payload. For
    /// [`restore_with_other_workers`](crate::SlowStep::restore_with_other_workers).
    ///
    /// # Errors
    /// [`Error::Collective`].
    pub fn load_of_any(&self, workers: &mut dyn Collective) -> Result<Option<(usize, u64, Vec<u8>)>, Error> {
        let mut found = None;
        if workers.rank() == 0 {
            let mut labels = self.labels();
            labels.retain(|label| label.rank == 0);
            labels.sort_by_key(|label| std::cmp::Reverse(label.outer));
            found = labels.iter().find_map(|label| Some((label.size, label.outer, self.read(*label)?)));
        }
        let said = postcard::to_allocvec(&found).unwrap_or_default();
        let length = workers.gather((said.len() as u64).to_le_bytes().to_vec())?;
        let length = length[0].as_slice().try_into().map(u64::from_le_bytes).unwrap_or_default();
        let mut bytes = said;
        bytes.resize(length as usize, 0);
        let bytes = broadcast(workers, &bytes)?;
        Ok(postcard::from_bytes(&bytes).unwrap_or_default())
    }

    /// Every rank's files in the folder, in the order of their names, and of each whether it is whole. A folder that is
    /// missing has none.
    ///
    /// # Errors
    /// If the folder cannot be read.
    pub fn files(&self) -> io::Result<Vec<(PathBuf, bool)>> {
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
        paths.sort();
        let looked_at = paths.into_iter().filter_map(|path| {
            let is_whole = self.read(Label::of(&path)?).is_some();
            // a run in progress may have gone on
            (is_whole || path.symlink_metadata().is_ok()).then_some((path, is_whole))
        });
        Ok(looked_at.collect())
    }

    fn labels(&self) -> Vec<Label> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        entries.filter_map(|entry| Label::of(&entry.path())).collect()
    }

    fn write(&self, label: Label, payload: &[u8]) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        let head = head(label);
        file.write_all(MAGIC)?;
        file.write_all(&checksum(&head, payload).to_le_bytes())?;
        file.write_all(&head)?;
        file.write_all(payload)?;
        file.as_file().sync_all()?;
        file.persist(label.path(&self.folder))?;
        File::open(&self.folder)?.sync_all()
    }

    fn remove(&self, label: Label) -> io::Result<()> {
        match fs::remove_file(label.path(&self.folder)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed.and_then(|()| File::open(&self.folder)?.sync_all()),
        }
    }

    /// The payload of a file that is whole.
    fn read(&self, label: Label) -> Option<Vec<u8>> {
        let path = label.path(&self.folder);
        // a pipe in its place would be waited for
        let bytes = path.is_file().then(|| fs::read(path).ok())??;
        let (magic, rest) = bytes.split_first_chunk::<8>()?;
        let (sum, rest) = rest.split_first_chunk::<4>()?;
        let head = head(label);
        let payload = rest.strip_prefix(&head[..])?;
        (magic == MAGIC && u32::from_le_bytes(*sum) == checksum(&head, payload)).then(|| payload.to_vec())
    }
}

/// [`Error::NotSaved`] on every rank if one could not do its part.
fn all_could(workers: &mut dyn Collective, done: io::Result<()>) -> Result<(), Error> {
    let failure = done.err().map(|error| error.to_string()).unwrap_or_default();
    let failures = workers.gather(failure.into_bytes())?;
    let Some(rank) = failures.iter().position(|failure| !failure.is_empty()) else { return Ok(()) };
    Err(Error::NotSaved { rank, reason: String::from_utf8_lossy(&failures[rank]).into_owned() })
}

fn head(Label { rank, size, outer }: Label) -> [u8; 24] {
    let mut head = [0; 24];
    let words = [rank as u64, size as u64, outer];
    head.as_chunks_mut().0.iter_mut().zip(words).for_each(|(place, word)| *place = word.to_le_bytes());
    head
}

fn checksum(head: &[u8], payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(head);
    hasher.update(payload);
    hasher.finalize()
}
