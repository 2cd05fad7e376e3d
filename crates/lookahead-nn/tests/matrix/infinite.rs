//! NaN and infinity reach what sees them, and nothing else.

use lookahead_nn::InstructionSet;
use lookahead_nn::matrix::Start;

use crate::product::ways;
use crate::reference::{Numbers, Sizes};

const SIZES: [Sizes; 3] = [
    Sizes { rows: 7, inner: 5, columns: 19 },
    Sizes { rows: 64, inner: 9, columns: 131 },
    Sizes { rows: 3, inner: 1203, columns: 2 },
];

/// Puts `number` where `place` says, and asks of each row and column of C whether it must stay finite.
fn check(number: f32, place: impl Fn(&mut Numbers, f32), sees: impl Fn(Sizes, usize, usize) -> bool) {
    for sizes in SIZES {
        let mut numbers = Numbers::of(sizes, 1);
        place(&mut numbers, number);
        for set in InstructionSet::available() {
            let starts = [Start::Zero, Start::There, Start::Row(&numbers.c[..sizes.columns])];
            for (way, start) in ways().flat_map(|way| starts.map(|start| (way, start))) {
                for (at, c) in way.run(set, &numbers, start).iter().enumerate() {
                    let (row, column) = (at / sizes.columns, at % sizes.columns);
                    let is_right = if !sees(sizes, row, column) {
                        c.is_finite()
                    } else if number.is_nan() {
                        c.is_nan()
                    } else {
                        c.is_infinite()
                    };
                    assert!(is_right, "{c} at {row}, {column} with {set:?}, {way:?}, {start:?} for {sizes:?}");
                }
            }
        }
    }
}

#[test]
fn one_number_of_the_left_factor_reaches_its_row() {
    for number in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        // The last of the last row
        check(number, |numbers, number| *numbers.a.last_mut().unwrap() = number, |sizes, row, _| row == sizes.rows - 1);
        check(number, |numbers, number| numbers.a[0] = number, |_, row, _| row == 0);
    }
}

#[test]
fn one_number_of_the_right_factor_reaches_its_column() {
    for number in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        // The last of the last column
        let is_last = |sizes: Sizes, _, column| column == sizes.columns - 1;
        check(number, |numbers, number| *numbers.b.last_mut().unwrap() = number, is_last);
        check(number, |numbers, number| numbers.b[0] = number, |_, _, column| column == 0);
    }
}
