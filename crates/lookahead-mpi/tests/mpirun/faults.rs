//! What happens when: each fault ends the job in time, with its exit code, and a resume gives the bits of an undisturbed run.

use std::path::Path;
use std::process::Command;
use std::time::Duration;
use std::{fs, thread};

use crate::launch::{FAULT, FOLDER, Run, timed, works};
use crate::rank::DEADLINE;

/// How long a job may take to end once it knows.
const TO_END: Duration = Duration::from_secs(5);

pub fn check() {
    for ranks in [2, 4] {
        let undisturbed = bits_at_end(tempfile::tempdir().unwrap().path(), ranks);
        let last = ranks - 1;
        for (kind, code, within) in [
            ("kill", None, TO_END),
            ("panic", Some(101), TO_END),
            ("error", Some(1), TO_END),
            ("term", Some(130), TO_END),
            ("stop", Some(75), DEADLINE + TO_END),
        ] {
            // in mid-cycle, with a delayed mean on its way: the last checkpoint is 3 steps old
            let fault = format!("{kind} {last} 23");
            timed(&format!("{kind} on rank {last} of {ranks}"), || disturb(ranks, &fault, code, within, &undisturbed));
        }
    }
    timed("a signal to mpirun", a_signal_to_mpirun);
    disk_full();
    other_numbers_of_workers();
}

fn disturb(ranks: usize, fault: &str, code: Option<i32>, within: Duration, undisturbed: &[String]) {
    let folder = tempfile::tempdir().unwrap();
    let ended = Run::new(ranks, "train").set(FOLDER, folder.path()).set(FAULT, fault).finish();
    let fault_at = fs::metadata(folder.path().join("fault")).unwrap().modified().unwrap();
    let took = ended.at.duration_since(fault_at).unwrap();
    assert!(took <= within, "it took {took:?}");
    println!("  ended after {:.2} s with {:?}", took.as_secs_f64(), ended.code);
    assert!(
        ended.code != Some(0) && code.is_none_or(|code| ended.code == Some(code)),
        "{:?}: {}",
        ended.code,
        ended.said
    );
    assert_eq!(bits_at_end(folder.path(), ranks), undisturbed);
}

/// What every rank ends with, from the checkpoints of a folder on.
fn bits_at_end(folder: &Path, ranks: usize) -> Vec<String> {
    assert_eq!(Run::new(ranks, "train").set(FOLDER, folder).finish().code, Some(0));
    (0..ranks).map(|rank| fs::read_to_string(folder.join(format!("bits-{rank}"))).unwrap()).collect()
}

/// It hands the signal on after a second, and gives the ranks one more for their checkpoint: both are
/// `odls_base_sigkill_timeout`. Its own exit code is 1 then.
fn a_signal_to_mpirun() {
    let folder = tempfile::tempdir().unwrap();
    let started = Run::new(2, "train").set(FOLDER, folder.path()).set(FAULT, "wait 1 7").start();
    while !folder.path().join("fault").exists() {
        thread::sleep(Duration::from_millis(5));
    }
    assert!(works("kill", &["-TERM", &started.child.id().to_string()]));
    let ended = started.finish();
    println!("  ended with {:?}", ended.code);
    assert!(ended.code != Some(0), "{}", ended.said);
    // at the sync after step 8, which is no fifth
    assert!(folder.path().join("0/rank-0-of-2-outer-8.checkpoint").exists(), "{}", ended.said);
    assert!(folder.path().join("1/rank-1-of-2-outer-8.checkpoint").exists());
    let undisturbed = tempfile::tempdir().unwrap();
    assert_eq!(bits_at_end(folder.path(), 2), bits_at_end(undisturbed.path(), 2));
}

fn disk_full() {
    let folder = tempfile::tempdir().unwrap();
    let small = folder.path().join("1");
    fs::create_dir(&small).unwrap();
    let at = small.display().to_string();
    if !works("mount", &["-t", "tmpfs", "-o", "size=256k", "none", &at]) {
        return println!("not tested: a full disk, because no small one can be mounted");
    }
    let unmount = Unmount(at);
    timed("disk full on rank 1 of 2", || {
        let ended = Run::new(2, "train").set(FOLDER, folder.path()).set(FAULT, "fill 1 23").finish();
        assert!(ended.code == Some(74) && ended.said.contains("rank 1 cannot write its checkpoint"), "{}", ended.said);
        assert!(folder.path().join("0/rank-0-of-2-outer-20.checkpoint").exists(), "the one before is kept");
        fs::remove_file(small.join("filler")).unwrap();
        let undisturbed = tempfile::tempdir().unwrap();
        assert_eq!(bits_at_end(folder.path(), 2), bits_at_end(undisturbed.path(), 2));
    });
    drop(unmount);
}

struct Unmount(String);

impl Drop for Unmount {
    fn drop(&mut self) {
        Command::new("umount").arg(&self.0).status().ok();
    }
}

fn other_numbers_of_workers() {
    timed("another number of workers is refused", || {
        let folder = tempfile::tempdir().unwrap();
        bits_at_end(folder.path(), 2);
        let ended = Run::new(3, "train").set(FOLDER, folder.path()).finish();
        assert!(ended.code == Some(78) && ended.said.contains("are of 2 workers, but 3 are here"), "{}", ended.said);
    });
}
