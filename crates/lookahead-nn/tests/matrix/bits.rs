//! The same bits whatever the threads, the way of asking and the other rows.

use lookahead_nn::InstructionSet;
use lookahead_nn::matrix::{Factor, Start};

use crate::product::{bits, ways};
use crate::reference::{Numbers, Sizes};

const SIZES: [Sizes; 4] = [
    // Divided by columns, by rows, by both
    Sizes { rows: 5, inner: 1300, columns: 700 },
    Sizes { rows: 250, inner: 40, columns: 19 },
    Sizes { rows: 70, inner: 70, columns: 389 },
    // Not divided
    Sizes { rows: 1, inner: 2500, columns: 1 },
];

#[test]
fn bits_depend_neither_on_threads_nor_on_the_way() {
    for sizes in SIZES {
        let numbers = Numbers::of(sizes, 1);
        for set in InstructionSet::available() {
            for start in [Start::Zero, Start::There, Start::Row(&numbers.c[..sizes.columns])] {
                let mut expected = None;
                for threads in [1, 2, 3] {
                    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                    for way in ways() {
                        let found = pool.install(|| bits(&way.run(set, &numbers, start)));
                        let expected = expected.get_or_insert_with(|| found.clone());
                        assert!(found == *expected, "{threads} threads, {way:?}, {start:?}, {set:?}, {sizes:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn a_row_does_not_depend_on_the_rows_beside_it() {
    for sizes in SIZES {
        let Sizes { rows, inner, columns } = sizes;
        let Numbers { a, b, .. } = Numbers::of(sizes, 2);
        for set in InstructionSet::available() {
            let factor = Factor::new_with(set, &b, [inner, columns]).unwrap();
            let product = |a: &[f32], count: usize| {
                let mut c = vec![f32::NAN; count * columns];
                factor.multiply(a, Start::Zero, &mut c).unwrap();
                bits(&c)
            };
            let together = product(&a, rows);
            for (row, c) in a.chunks_exact(inner).zip(together.chunks_exact(columns)) {
                assert!(product(row, 1) == c, "{set:?}, {sizes:?}");
            }
            // Of other tiles and tasks
            let last = rows / 3;
            assert!(product(&a[last * inner..], rows - last) == together[last * columns..], "{set:?}, {sizes:?}");
        }
    }
}
