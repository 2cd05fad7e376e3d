//! Overrides of whole tables: what a table lacks is the default, as the reference says.

use lookahead_settings::{ConfigError, Read, Table, overridden};

const DEFAULTS: &str = "steps = 7\n[noise]\nkind = 'white'\nvariance = 2\n[noise.inner]\nlow = 1\nhigh = 3\n";

/// What stands under some paths; a table as its keys.
fn read(table: &Table<'_>) -> Read<String> {
    let noise = table.table("noise")?;
    let inner = noise.table("inner")?;
    let number = |table: &Table<'_>, key: &str| table.required(key, |e| e.whole(0..=99));
    let kind = noise.required("kind", |e| e.text("a text"))?;
    let variance = if kind == "none" { 0 } else { number(&noise, "variance")? };
    Ok(format!("{} {kind} {variance} {} {}", number(table, "steps")?, number(&inner, "low")?, number(&inner, "high")?))
}

fn set(complete: &str, text: &str) -> Read<String> {
    overridden(complete, DEFAULTS, text, |key, _| key == "inner", read)
}

#[test]
fn a_table_given_in_part_takes_its_defaults() {
    for (text, expected) in [
        ("noise = {}", "7 white 2 1 3"),
        ("noise = { variance = 5 }", "7 white 5 1 3"),
        ("noise = { inner = { high = 9 } }", "7 white 2 1 9"),
        ("noise.inner = { low = 0 }", "7 white 2 0 3"),
        // What belongs to another kind goes, as where `noise.kind` is set.
        ("noise = { kind = 'none' }", "7 none 0 1 3"),
    ] {
        assert_eq!(set(DEFAULTS, text).unwrap(), expected, "{text}");
    }
    // Not what an override before it said.
    let changed = DEFAULTS.replace("variance = 2", "variance = 4");
    assert_eq!(set(&changed, "noise.inner.high = 4").unwrap(), "7 white 4 1 4");
    assert_eq!(set(&changed, "noise = { inner = { high = 4 } }").unwrap(), "7 white 2 1 4");
}

#[test]
fn another_kind_takes_no_default_of_the_first() {
    let missing = set(DEFAULTS, "noise = { kind = 'pink' }").unwrap_err();
    assert!(matches!(&missing, ConfigError::MissingKey { key, .. } if key == "noise.variance"), "{missing}");
}

#[test]
fn without_defaults_a_table_is_what_is_given() {
    let given = overridden(DEFAULTS, "", "noise = { kind = 'none' }", |_, _| false, read).unwrap_err();
    assert!(matches!(&given, ConfigError::MissingKey { key, .. } if key == "noise.inner.low"), "{given}");
}
