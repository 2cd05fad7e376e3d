//! Any one flipped bit, cut or missing file in a run folder leads to the same result or an error, never to another one.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use super::runs::{Bench, KINDS};

/// Flipped bits in each file, beside the first and the last byte.
const FLIPS: usize = 12;

/// A reproducible sequence of places.
struct Places(u64);

impl Places {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end.max(1)
    }
}

/// One fault: a file's content, or none.
type Fault = (String, Option<Vec<u8>>);

fn faults(content: &[u8], places: &mut Places) -> Vec<Fault> {
    let flipped = |at: usize, bit: usize| {
        let mut changed = content.to_vec();
        changed[at] ^= 1 << bit;
        (format!("bit {bit} of byte {at}"), Some(changed))
    };
    let cut = |at: usize| (format!("cut to {at} bytes"), Some(content[..at].to_vec()));
    let mut faults = vec![("missing".to_owned(), None)];
    if !content.is_empty() {
        faults.extend([flipped(0, 0), flipped(content.len() - 1, 0), cut(0), cut(content.len() - 1)]);
        faults.extend((0..FLIPS).map(|_| flipped(places.below(content.len()), places.below(8))));
        faults.extend((0..3).map(|_| cut(places.below(content.len()))));
    }
    faults
}

/// Tries every fault of every file, and gives how many were answered with an error, and with the same.
fn try_all(
    bench: &Bench,
    files: &BTreeMap<PathBuf, Vec<u8>>,
    expected: &str,
    answer: impl Fn() -> Result<String, String>,
) -> [usize; 2] {
    let (mut places, mut counts) = (Places(7), [0, 0]);
    for (path, content) in files {
        for (fault, changed) in faults(content, &mut places) {
            let file = bench.folder.join(path);
            match &changed {
                Some(changed) => fs::write(&file, changed).unwrap(),
                None => fs::remove_file(&file).unwrap(),
            }
            if let Ok(found) = answer() {
                let path = path.display();
                assert!(found == expected, "{path}, {fault}: another result\n{found:.2000}\n{expected:.2000}");
                counts[1] += 1;
                bench.restore(files);
                continue;
            }
            counts[0] += 1;
            let mut damaged = files.clone();
            match changed {
                Some(changed) => damaged.insert(path.clone(), changed),
                None => damaged.remove(path),
            };
            assert!(bench.files() == damaged, "{}, {fault}: the folder was changed", path.display());
            fs::write(&file, content).unwrap();
        }
    }
    counts
}

/// Most faults are found; the rest are in files that the answer does not depend on.
fn law(bench: &Bench, end: &str) {
    let (files, page) = (bench.files(), bench.report().unwrap());
    let [errors, _] = try_all(bench, &files, &page, || bench.report());
    assert!(errors > 50, "{errors}");
    let [errors, _] = try_all(bench, &files, end, || bench.end());
    assert!(errors > 50, "{errors}");
}

#[test]
fn damage_to_a_finished_run_changes_no_report_and_no_result() {
    for config in KINDS {
        let bench = Bench::new(config);
        let end = bench.end().unwrap();
        law(&bench, &end);
    }
}

#[test]
fn damage_to_a_run_on_its_way_changes_no_report_and_no_result() {
    for config in KINDS {
        let end = Bench::new(config).end().unwrap();
        let bench = Bench::new(config);
        assert!(bench.run_to(2).is_err());
        law(&bench, &end);
        let bench = Bench::new(config);
        bench.run_past_an_evaluation();
        law(&bench, &end);
    }
}
