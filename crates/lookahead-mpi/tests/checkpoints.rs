//! Checkpoints of one outer step on all ranks, through kills, damage and refusals.

use std::fs;
use std::path::Path;

use lookahead::collective::{Collective, CollectiveError, Combine, OneProcess, Ticket, on_threads};
use lookahead_mpi::{Checkpoints, Error};

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn the_newest_that_all_have_is_loaded() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoints = Checkpoints::new(folder.path().join("new"));
    on_threads(2, |workers| {
        assert_eq!(checkpoints.load(workers), Ok(None));
        for outer in [3, 7] {
            let payload = [workers.rank() as u8, outer as u8];
            checkpoints.save(workers, outer, &payload).unwrap();
        }
        assert_eq!(checkpoints.load(workers), Ok(Some((7, vec![workers.rank() as u8, 7]))));
    });
    let folder = folder.path().join("new");
    assert_eq!(names(&folder), ["rank-0-of-2-outer-7.checkpoint", "rank-1-of-2-outer-7.checkpoint"]);
    // killed after rank 0 had written outer step 9, and before rank 1 had
    fs::copy(folder.join("rank-0-of-2-outer-7.checkpoint"), folder.join("rank-0-of-2-outer-9.checkpoint")).unwrap();
    on_threads(2, |workers| {
        assert_eq!(checkpoints.load(workers).unwrap().unwrap().0, 7);
    });
}

#[test]
fn a_number_is_saved_once() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoints = Checkpoints::new(folder.path());
    on_threads(2, |workers| checkpoints.save(workers, 3, b"first").unwrap());
    let again = on_threads(2, |workers| checkpoints.save(workers, 3, b"second"));
    assert!(again.iter().all(|again| *again == Err(Error::AlreadySaved { outer: 3 })), "{again:?}");
    let differ = on_threads(2, |workers| {
        let number = 4 + workers.rank() as u64;
        checkpoints.save(workers, number, b"second")
    });
    let differs =
        |differ: &Result<(), Error>| matches!(differ, Err(Error::Collective(CollectiveError::Differs { .. })));
    assert!(differ.iter().all(differs), "{differ:?}");
    on_threads(2, |workers| assert_eq!(checkpoints.load(workers), Ok(Some((3, b"first".to_vec())))));
}

/// A save that was killed after rank 0's file: the run goes on from before, and gets to its number at another moment.
#[test]
fn what_a_killed_save_has_left_goes_before_the_next() {
    let [folder, killed] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let of = |rank: usize| Checkpoints::new(folder.path().join(rank.to_string()));
    on_threads(2, |workers| of(workers.rank()).save(workers, 7, b"before").unwrap());
    on_threads(2, |workers| Checkpoints::new(killed.path()).save(workers, 9, b"killed").unwrap());
    let left = "rank-0-of-2-outer-9.checkpoint";
    let leave = || fs::copy(killed.path().join(left), folder.path().join("0").join(left)).unwrap();
    leave();
    // rank 1 cannot write
    let (place, aside) = (folder.path().join("1"), folder.path().join("aside"));
    fs::rename(&place, &aside).unwrap();
    fs::write(&place, b"").unwrap();
    let refused = on_threads(2, |workers| of(workers.rank()).save(workers, 9, b"now"));
    assert!(refused.iter().all(|refused| matches!(refused, Err(Error::NotSaved { rank: 1, .. }))), "{refused:?}");
    fs::remove_file(&place).unwrap();
    fs::rename(&aside, &place).unwrap();
    on_threads(2, |workers| assert_eq!(of(workers.rank()).load(workers), Ok(Some((7, b"before".to_vec())))));
    leave();
    on_threads(2, |workers| of(workers.rank()).save(workers, 9, b"now").unwrap());
    on_threads(2, |workers| assert_eq!(of(workers.rank()).load(workers), Ok(Some((9, b"now".to_vec())))));
}

#[test]
fn damage_is_no_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoints = Checkpoints::new(folder.path());
    on_threads(2, |workers| checkpoints.save(workers, 1, b"payload").unwrap());
    let path = folder.path().join("rank-1-of-2-outer-1.checkpoint");
    let whole = fs::read(&path).unwrap();
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        fs::write(&path, &bytes).unwrap();
        let loaded = on_threads(2, |workers| checkpoints.load(workers));
        assert!(
            loaded.iter().all(|loaded| *loaded == Err(Error::NoCommonCheckpoint { rank: 1 })),
            "byte {at}: {loaded:?}"
        );
    }
    fs::write(&path, &whole[..10]).unwrap();
    assert!(on_threads(2, |workers| checkpoints.load(workers)).iter().all(Result::is_err));
}

/// A file where rank 1's folder should be: it cannot write there.
#[test]
fn one_rank_that_cannot_write_keeps_the_old_one_on_all() {
    let folder = tempfile::tempdir().unwrap();
    let of = |rank: usize| Checkpoints::new(folder.path().join(rank.to_string()));
    on_threads(2, |workers| of(workers.rank()).save(workers, 1, b"old").unwrap());
    let (place, aside) = (folder.path().join("1"), folder.path().join("aside"));
    fs::rename(&place, &aside).unwrap();
    fs::write(&place, b"").unwrap();
    let refused = on_threads(2, |workers| of(workers.rank()).save(workers, 2, b"new"));
    assert!(refused.iter().all(|refused| matches!(refused, Err(Error::NotSaved { rank: 1, .. }))), "{refused:?}");
    assert_eq!(refused[0].clone().unwrap_err().exit_code(), 74);
    fs::remove_file(&place).unwrap();
    fs::rename(&aside, &place).unwrap();
    on_threads(2, |workers| assert_eq!(of(workers.rank()).load(workers), Ok(Some((1, b"old".to_vec())))));
}

#[test]
fn another_number_of_workers_is_refused_but_on_purpose() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoints = Checkpoints::new(folder.path());
    on_threads(3, |workers| {
        let payload = [workers.rank() as u8];
        checkpoints.save(workers, 5, &payload).unwrap();
    });
    let refused = Error::OtherWorkers { found: 3, here: 2 };
    on_threads(2, |workers| {
        assert_eq!(checkpoints.load(workers), Err(refused.clone()));
        assert_eq!(checkpoints.load_of_any(workers), Ok(Some((3, 5, vec![0]))));
        checkpoints.save(workers, 6, b"of two").unwrap();
    });
    assert_eq!(names(folder.path()), ["rank-0-of-2-outer-6.checkpoint", "rank-1-of-2-outer-6.checkpoint"]);
    let none = Checkpoints::new(folder.path().join("none"));
    assert_eq!(none.load_of_any(&mut OneProcess::default()), Ok(None));
}

/// One process that broadcasts 8 MB at most, as MPI does 2 GB.
#[derive(Debug, Default)]
struct Narrow(OneProcess);

impl Collective for Narrow {
    fn rank(&self) -> usize {
        self.0.rank()
    }

    fn size(&self) -> usize {
        self.0.size()
    }

    fn broadcast(&mut self, bytes: Vec<u8>) -> Result<Vec<u8>, CollectiveError> {
        assert!(bytes.len() <= 1 << 23, "{} bytes at once", bytes.len());
        self.0.broadcast(bytes)
    }

    fn gather(&mut self, bytes: Vec<u8>) -> Result<Vec<Vec<u8>>, CollectiveError> {
        self.0.gather(bytes)
    }

    fn start(&mut self, bytes: Vec<u8>, combine: Combine) -> Result<Ticket, CollectiveError> {
        self.0.start(bytes, combine)
    }

    fn poll(&mut self, ticket: Ticket) -> Result<bool, CollectiveError> {
        self.0.poll(ticket)
    }

    fn finish(&mut self, ticket: Ticket) -> Result<Vec<u8>, CollectiveError> {
        self.0.finish(ticket)
    }

    fn sent(&self) -> u64 {
        self.0.sent()
    }
}

#[test]
fn a_large_checkpoint_travels_in_parts() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoints = Checkpoints::new(folder.path());
    let (mut workers, payload) = (Narrow::default(), vec![7; (1 << 23) + 1]);
    checkpoints.save(&mut workers, 1, &payload).unwrap();
    assert!(checkpoints.load_of_any(&mut workers) == Ok(Some((1, 1, payload))));
}

#[test]
fn each_file_is_whole_or_not() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoints = Checkpoints::new(folder.path().join("new"));
    assert_eq!(checkpoints.files().unwrap(), [], "the folder is missing");
    on_threads(2, |workers| checkpoints.save(workers, 3, b"payload").unwrap());
    let [first, second] = [0, 1].map(|rank| folder.path().join(format!("new/rank-{rank}-of-2-outer-3.checkpoint")));
    assert_eq!(checkpoints.files().unwrap(), [(first.clone(), true), (second.clone(), true)]);
    fs::write(folder.path().join("new/notes.txt"), "not a checkpoint").unwrap();
    fs::copy(&first, &second).unwrap();
    assert_eq!(checkpoints.files().unwrap(), [(first.clone(), true), (second.clone(), false)], "another rank's");
    fs::remove_file(&second).unwrap();
    fs::create_dir(&second).unwrap();
    fs::write(&first, "lookmpi1").unwrap();
    assert_eq!(checkpoints.files().unwrap(), [(first, false), (second, false)]);
}
