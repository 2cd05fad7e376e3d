//! The order of an epoch.

use std::collections::HashSet;

use lookahead_data::epoch_order;

#[test]
fn an_epoch_s_order_is_a_permutation_that_depends_on_seed_and_epoch() {
    let order = epoch_order(1442, 3, 5);
    let distinct: HashSet<u32> = order.iter().copied().collect();
    assert!(distinct.len() == 1442 && order.iter().all(|&index| index < 1442));
    assert_eq!(order, epoch_order(1442, 3, 5));
    assert_ne!(order, epoch_order(1442, 4, 5));
    assert_ne!(order, epoch_order(1442, 3, 6));
    assert_eq!((epoch_order(0, 0, 0), epoch_order(1, 0, 0)), (vec![], vec![0]));
    // Pinned, and computed apart in Python from the description of `stream`: a change here changes every run.
    assert_eq!(epoch_order(10, 0, 0), [1, 3, 9, 2, 8, 7, 6, 4, 5, 0]);
}

#[test]
fn every_order_is_equally_likely() {
    let mut counts = [0_i32; 24];
    for seed in 0..24_000 {
        let order = epoch_order(4, seed, 0);
        // The number of the permutation in the factorial number system.
        let rank = |i: usize| order[i + 1..].iter().filter(|&&later| later < order[i]).count();
        counts[rank(0) * 6 + rank(1) * 2 + rank(2)] += 1;
    }
    // 1000 each, with a standard deviation of 31.
    assert!(counts.iter().all(|count| (count - 1000).abs() < 155), "{counts:?}");
}
