//! Lists of values that are each accepted once.

use lookahead_settings::{Read, read_document};

fn read(text: &str) -> Read<Vec<u64>> {
    let list = |table: &lookahead_settings::Table<'_>| {
        table.required("dims", |e| e.different(3, "whole numbers", |e| e.whole(1..=9)))
    };
    read_document(text, "run.toml", list)
}

#[test]
fn a_value_that_comes_again_is_named_with_its_place() {
    assert_eq!(read("dims = [3, 2, 5]").unwrap(), [3, 2, 5]);
    for (text, told) in [
        (
            "dims = [2, 3,\n 0x2]",
            "run.toml:2:2: `dims[2]` is 0x2, but must be another value than those before it: each once",
        ),
        ("dims = []", "run.toml:1:8: `dims` is a list of 0, but must be a list of 1 to 3 whole numbers"),
        ("dims = [1, 10]", "run.toml:1:12: `dims[1]` is 10, but must be a whole number from 1 to 9"),
    ] {
        assert_eq!(read(text).unwrap_err().to_string(), told);
    }
}
