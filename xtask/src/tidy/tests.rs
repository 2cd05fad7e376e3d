//! Each rule on made files: what it refuses, where, and what it lets pass.

use super::*;

fn tree(files: &[(&str, &str)]) -> Tree {
    Tree { files: files.iter().map(|(path, text)| ((*path).to_owned(), Some((*text).to_owned()))).collect() }
}

/// What tidy says of these files, one line each.
fn said_of(files: &[(&str, &str)]) -> Vec<String> {
    check(&tree(files)).iter().map(Finding::to_string).collect()
}

#[track_caller]
fn assert_says(files: &[(&str, &str)], expected: &[&str]) {
    let said = said_of(files);
    assert_eq!(said.len(), expected.len(), "{said:#?}");
    for (said, expected) in said.iter().zip(expected) {
        assert!(said.starts_with(expected), "{said:?} does not start with {expected:?}");
    }
}

const FINE: &str = "//! What it is.\n\nfn f() {}\n";

#[test]
fn clean_files_pass() {
    assert_says(&[("crates/a/src/clock.rs", FINE), ("crates/a/src/lib.rs", "//! A.\n#![deny(missing_docs)]\n")], &[]);
}

#[test]
fn rust_files_open_with_a_short_header() {
    assert_says(&[("xtask/src/a.rs", "fn f() {}\n")], &["xtask/src/a.rs:1: must open with `//!`"]);
    let long = "//! word\n".repeat(6);
    assert_says(&[("fuzz/src/a.rs", &long)], &["fuzz/src/a.rs:6: a header of 6 lines"]);
    let library = format!("{long}#![deny(missing_docs)]\n");
    assert_says(&[("crates/a/src/lib.rs", &library)], &[]);
}

#[test]
fn libraries_deny_missing_docs() {
    assert_says(&[("crates/a/src/lib.rs", FINE)], &["crates/a/src/lib.rs:1: a library must declare"]);
}

#[test]
fn files_end_at_400_lines() {
    let header = "//! A.\n";
    let full = format!("{header}{}", "x\n".repeat(399));
    assert_says(&[("crates/a/src/a.rs", &full)], &[]);
    assert_says(&[("crates/a/src/a.rs", &format!("{full}x\n"))], &["crates/a/src/a.rs:401: 401 lines"]);
    assert_says(&[("testdata/golden.toml", &full.repeat(3))], &[]);
}

#[test]
fn trailing_whitespace_is_found_with_its_line() {
    assert_says(&[("README.md", "a\nb \nc\t\n")], &["README.md:2: trailing", "README.md:3: trailing"]);
    assert_says(&[("records/a/report.html", "a \n")], &[]);
}

#[test]
fn unfinished_work_is_refused() {
    let refused = [
        ["to", "do!()"],
        ["unimpl", "emented!()"],
        ["db", "g!(x)"],
        ["// FI", "XME later"],
        ["#[ign", "ore]"],
        ["#[ign", "ore = \"slow\"]"],
        ["#[al", "low(dead_code)]"],
        ["#![al", "low(clippy::all)]"],
    ];
    for line in refused.map(|pieces| pieces.concat()) {
        assert_says(&[("crates/a/src/a.rs", &format!("//! A.\n{line}\n"))], &["crates/a/src/a.rs:2: `"]);
    }
}

#[test]
fn names_say_what_is_in_a_file() {
    for path in ["crates/a/src/utils.rs", "crates/a/tests/helpers/mod.rs", "xtask/src/misc.rs"] {
        assert_says(&[(path, FINE)], &[&format!("{path}:1: `")]);
    }
}

#[test]
fn re_exports_are_named() {
    let text = "//! A.\npub use a::*;\nuse super::*;\npub(crate) use b::*;\npub use c::D;\n";
    assert_says(&[("crates/a/src/a.rs", text)], &["crates/a/src/a.rs:2: a glob", "crates/a/src/a.rs:4: a glob"]);
}

#[test]
fn no_path_of_one_machine() {
    for line in [["cd /wo", "rk/a"], ["/ro", "ot/a"], ["see ../sha", "red/a"]].map(|pieces| pieces.concat()) {
        assert_says(&[("experiments/a/config.toml", &line)], &["experiments/a/config.toml:1: a path of one machine"]);
        assert_says(&[(".ci/run", &line)], &[]);
    }
}

#[test]
fn links_lead_somewhere() {
    let readme = "[a](A.md) [b](crates/a/src/a.rs#L3) [c](crates/) [d](https://x.org/y) [e](#here)\n![f](no.svg)\n\
                  ```\n[g](not-a-link.md)\n```\n[h](../out.md)\n";
    let files = [("A.md", ""), ("crates/a/src/a.rs", FINE), ("README.md", readme)];
    assert_says(&files, &["README.md:2: a link to no.svg", "README.md:6: a link to ../out.md"]);
    assert_says(
        &[("A.md", ""), ("testdata/README.md", "[up](../A.md) [here](b.toml)")],
        &["testdata/README.md:1: a link"],
    );
}

#[test]
fn paths_in_the_maps_exist() {
    let text = "| `crates/a/src/a.rs` | `crates/a/src/b.rs` | `testdata/` | `Alpha` |\n";
    let files = [("PAPER.md", text), ("crates/a/src/a.rs", FINE), ("testdata/x.toml", "")];
    assert_says(&files, &["PAPER.md:1: crates/a/src/b.rs is not there"]);
    assert_says(&[("CHANGELOG.md", text)], &[]);
}

const ROOT: &str =
    "[workspace.dependencies]\nlookahead = { package = \"lookahead-optim\", path = \"crates/lookahead\" }\n";

fn manifest(package: &str, rest: &str) -> String {
    format!("[package]\nname = \"{package}\"\n{rest}")
}

#[track_caller]
fn assert_says_of_manifests(burn: &str, optim: &str, expected: &[&str]) {
    let (burn, optim) = (manifest("lookahead-burn", burn), manifest("lookahead-optim", optim));
    let files = [("Cargo.toml", ROOT), ("burn/Cargo.toml", &burn[..]), ("optim/Cargo.toml", &optim[..])];
    assert_says(&files, expected);
}

#[test]
fn dependencies_run_one_way() {
    let outward = "[dependencies]\nserde = \"1\"\nlookahead.workspace = true\n";
    assert_says_of_manifests(outward, "[dependencies]\nserde.workspace = true\n", &[]);
    let back = "[dependencies]\nserde = \"1\"\nlookahead-burn.workspace = true\n";
    assert_says_of_manifests("", back, &["optim/Cargo.toml:5: lookahead-optim must not have lookahead-burn"]);
    let hidden = "[target.'cfg(unix)'.dependencies]\nb = { package = \"lookahead-burn\" }\n";
    assert_says_of_manifests("", hidden, &["optim/Cargo.toml:4: lookahead-optim must not have lookahead-burn"]);
}

#[test]
fn the_laws_are_for_tests() {
    let laws = manifest("lookahead-laws", "[dependencies]\nlookahead.workspace = true\n");
    let files = |section: &str| {
        let optim = manifest("lookahead-optim", &format!("[{section}]\nlookahead-laws.workspace = true\n"));
        said_of(&[("Cargo.toml", ROOT), ("laws/Cargo.toml", &laws), ("optim/Cargo.toml", &optim)])
    };
    assert_eq!(files("dev-dependencies"), [""; 0]);
    assert_eq!(files("dependencies").len(), 1);
}

#[test]
fn a_new_crate_says_what_it_may_depend_on() {
    let new = manifest("lookahead-new", "");
    assert_says(&[("Cargo.toml", ROOT), ("new/Cargo.toml", &new)], &["new/Cargo.toml:1: lookahead-new has no line"]);
}

#[test]
fn anyhow_is_for_programs() {
    let anyhow = "[dependencies]\nanyhow.workspace = true\n";
    assert_says_of_manifests("", anyhow, &["optim/Cargo.toml:4: lookahead-optim must not use anyhow"]);
    assert_says(&[("xtask/Cargo.toml", &manifest("xtask", anyhow))], &[]);
}

#[test]
fn a_new_crate_says_how_far_it_is_optimised() {
    let xtask = manifest("xtask", "");
    let files = |root: &str| said_of(&[("Cargo.toml", root), ("xtask/Cargo.toml", &xtask)]);
    assert_eq!(files("[profile.dev.package]\n\"*\".debug = false\nxtask.opt-level = 0\n"), [""; 0]);
    let said = files("[profile.dev.package]\n\"*\".debug = false\n");
    assert_eq!(said, ["Cargo.toml:1: [profile.dev.package] says nothing of xtask: say how far tests optimise it"]);
}

#[test]
fn a_broken_manifest_is_named() {
    assert_says(&[("a/Cargo.toml", "[package\n")], &["a/Cargo.toml:1: "]);
}
