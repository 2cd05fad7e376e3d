//! What is told of the folder of several workers: each part is checked, and the damaged one named.

use std::fs;

use lookahead_training::run::inspect;

use super::{LOOKAHEAD, RUN, done, with_workers};

#[test]
fn every_part_is_checked_and_a_damaged_one_named() {
    for (workers, stops_at) in [("mode = 'slow-step'\ncount = 3", 8), ("mode = 'gradients'\ncount = 2", u64::MAX)] {
        let config = with_workers(&format!("{RUN}{LOOKAHEAD}"), workers);
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(done(&config, folder.path(), stops_at).is_ok(), stops_at == u64::MAX);
        let parts = folder.path().join("workers");
        // Left by a process that was killed.
        fs::write(parts.join(".tmpAb3x"), "half").unwrap();
        let found = inspect(folder.path()).unwrap();
        assert!(found.problems.is_empty(), "{:?}", found.problems);
        let names: Vec<_> = found.checked.iter().filter_map(|name| name.strip_prefix("workers/")).collect();
        assert_eq!(names.len(), if workers.contains('3') { 3 } else { 2 }, "{names:?}");

        let told = |damaged: &str| {
            let found = inspect(folder.path()).unwrap();
            let [problem] = &found.problems[..] else { panic!("{damaged}: {:?}", found.problems) };
            assert!(problem.to_string().contains(parts.join(damaged).to_str().unwrap()), "{problem}");
            assert!(!found.checked.contains(&format!("workers/{damaged}")));
        };
        for name in &names {
            let path = parts.join(name);
            let whole = fs::read(&path).unwrap();
            for at in [0, 9, 13, 30, whole.len() / 2, whole.len() - 1] {
                let mut flipped = whole.clone();
                flipped[at] ^= 1;
                fs::write(&path, flipped).unwrap();
                told(name);
            }
            for content in [&whole[..whole.len() - 1], &whole[..20], b"", &[&whole[..], b"x"].concat()] {
                fs::write(&path, content).unwrap();
                told(name);
            }
            fs::write(&path, whole).unwrap();
        }
        let other = names[0].replace("rank-0", "rank-1");
        fs::copy(parts.join(names[0]), parts.join(&other)).unwrap();
        told(&other);
        fs::remove_file(parts.join(&other)).unwrap();
        fs::create_dir(parts.join("rank-7-of-8-outer-9.checkpoint")).unwrap();
        told("rank-7-of-8-outer-9.checkpoint");
    }
}
