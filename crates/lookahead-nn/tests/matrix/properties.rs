//! Random sizes, in each instruction set and every way, beside the definition in doubles.

use lookahead_nn::InstructionSet;
use lookahead_nn::matrix::Start;
use proptest::prelude::*;

use crate::product::ways;
use crate::reference::{Numbers, Sizes, reference};
use crate::sums::relative_error;

fn check(sizes: Sizes, seed: u32) {
    let numbers = Numbers::of(sizes, seed);
    for start in [Start::Zero, Start::There, Start::Row(&numbers.c[..sizes.columns])] {
        let expected = reference(&numbers, start);
        for set in InstructionSet::available() {
            for way in ways() {
                let error = relative_error(&way.run(set, &numbers, start), &expected);
                assert!(error < 1e-6, "{error:e} with {set:?}, {way:?}, {start:?} for {sizes:?}");
            }
        }
    }
}

fn sizes(
    rows: impl Strategy<Value = usize>,
    inner: impl Strategy<Value = usize>,
    columns: impl Strategy<Value = usize>,
) -> impl Strategy<Value = Sizes> {
    (rows, inner, columns).prop_map(|(rows, inner, columns)| Sizes { rows, inner, columns })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn small_products_are_right(sizes in sizes(1..71_usize, 1..71_usize, 1..71_usize), seed: u32) {
        check(sizes, seed);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn products_of_several_tasks_are_right(
        sizes in sizes(prop_oneof![1..20_usize, 55..200_usize], 1..71_usize, 100..420_usize),
        seed: u32,
    ) {
        check(sizes, seed);
    }

    #[test]
    fn products_of_several_stages_are_right(sizes in sizes(1..14_usize, 1150..2500_usize, 1..71_usize), seed: u32) {
        check(sizes, seed);
    }
}

#[test]
fn a_last_stage_of_few_terms_is_right() {
    check(Sizes { rows: 1, inner: 1200 * 1300 + 1, columns: 1 }, 1);
}
