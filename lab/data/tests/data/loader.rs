//! The thread that makes batches ahead.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};
use std::{fs, iter};

use lookahead_data::config::{Augmentation, DataSource, OnCorrupt};
use lookahead_data::{Augment, Batch, DataError, Dataset, Loader, digits, epoch_order};

use crate::support::{config, solid_jpeg};

fn size(size: u32) -> NonZeroU32 {
    size.try_into().unwrap()
}

const AUGMENT: Option<Augment> = Some(Augment { augmentation: Augmentation::CropFlip, seed: 3, epoch: 7 });

#[test]
fn a_loader_gives_the_batches_of_the_order_from_where_it_starts() {
    let examples = digits::load().unwrap().train;
    let order = epoch_order(examples.len(), 3, 7);
    let start = |first| Loader::start(Arc::clone(&examples), order.clone(), size(100), first, AUGMENT);
    let all: Vec<Batch> = start(0).map(Result::unwrap).collect();
    assert_eq!(all.iter().map(|batch| batch.labels.len()).collect::<Vec<_>>(), [vec![100; 14], vec![42]].concat());
    for (batch, indices) in all.iter().zip(order.chunks(100)) {
        assert!(*batch == examples.batch(indices, AUGMENT).unwrap());
    }
    for first in [0, 1, 9, 14, 15, 1000] {
        let later: Vec<Batch> = start(first).map(Result::unwrap).collect();
        assert!(later == all[all.len().min(first as usize)..], "{first}");
    }
}

#[test]
fn a_loader_can_be_dropped_at_any_time() {
    let examples = digits::load().unwrap().train;
    for taken in 0..5 {
        let order = iter::repeat_n(0, 1_000_000).collect();
        let mut loader = Loader::start(Arc::clone(&examples), order, size(1), 0, None);
        assert_eq!(loader.by_ref().take(taken).count(), taken);
        let started = Instant::now();
        drop(loader);
        assert!(started.elapsed() < Duration::from_secs(1));
        // The thread is gone: nobody else holds the examples.
        assert_eq!(Arc::strong_count(&examples), 1);
    }
    assert_eq!(Loader::start(examples, vec![], size(5), 0, None).count(), 0);
}

#[test]
fn errors_end_the_batches_and_skipped_ones_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["train/a/0.jpg", "train/a/1.jpg", "train/a/2.jpg", "train/a/3.jpg", "val/a/0.jpg"] {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let jpeg = if name.ends_with("2.jpg") { b"damaged".to_vec() } else { solid_jpeg([9; 3], 10, 10) };
        fs::write(path, jpeg).unwrap();
    }
    let load = |on_corrupt| {
        let source = DataSource::ImageFolders { size: size(4), on_corrupt };
        Dataset::load(&config(source, Some(&folder.path().display().to_string()), [0, 0])).unwrap()
    };
    let refusing = load(OnCorrupt::Refuse).train;
    let batches: Vec<_> = Loader::start(refusing, vec![0, 1, 2, 3], size(1), 0, None).collect();
    assert_eq!(batches.len(), 3);
    assert!(batches[0].is_ok() && batches[1].is_ok());
    assert!(matches!(&batches[2], Err(DataError::Image { file, .. }) if file.ends_with("train/a/2.jpg")));
    let skipping = Loader::start(load(OnCorrupt::Skip).train, vec![0, 1, 2, 3], size(2), 0, None);
    let batches: Vec<_> =
        skipping.map(|batch| batch.map(|batch| (batch.labels.len(), batch.skipped)).unwrap()).collect();
    assert_eq!(batches, [(2, 0), (1, 1)]);
}

#[test]
fn whoever_is_slower_than_the_loader_does_not_wait() {
    let examples = digits::load().unwrap().train;
    let order = epoch_order(examples.len(), 0, 0);
    let mut loader = Loader::start(examples, order, size(72), 0, AUGMENT);
    assert!(loader.next().is_some());
    let first = loader.waited();
    let mut batches = 1;
    loop {
        // A step of training takes longer than a batch of 72 small images.
        sleep(Duration::from_millis(10));
        if loader.next().is_none() {
            break;
        }
        batches += 1;
    }
    assert_eq!(batches, 21);
    let waited = loader.waited() - first;
    assert!(waited < Duration::from_millis(20), "{waited:?} in all");
}
