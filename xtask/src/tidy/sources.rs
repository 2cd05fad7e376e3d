//! Rules of single files: headers, lengths, names, and words that must not stand in them.

use super::Finding;

const MAX_LINES: usize = 400;
const MAX_HEADER_LINES: usize = 5;

const RUST_FOLDERS: [&str; 3] = ["crates/", "fuzz/", "xtask/"];
const WRITTEN_BY_HAND: [&str; 6] = [".rs", ".md", ".toml", ".py", ".sh", ".ci/run"];
const NAMES_THAT_SAY_NOTHING: [&str; 3] = ["utils", "helpers", "misc"];

/// What Rust files must not contain, and what to do instead. In two pieces, so that this file may name them.
const REFUSED_IN_RUST: [(&str, &str, &str); 6] = [
    ("todo", "!(", "finish it, or leave it out"),
    ("unimplemented", "!(", "finish it, or leave it out"),
    ("dbg", "!(", "use `log`, or leave it out"),
    ("FIX", "ME", "mend it now"),
    ("#[ig", "nore", "make the test pass, or remove it"),
    ("[al", "low(", "mend what the lint says"),
];

/// Paths that exist on one machine only; `xtask` and `.ci` may speak of them.
const MACHINE_PATHS: [(&str, &str); 3] = [("/wo", "rk/"), ("/ro", "ot/"), ("../sha", "red")];

pub fn check(path: &str, text: &str, findings: &mut Vec<Finding>) {
    if path.ends_with(".rs") && RUST_FOLDERS.iter().any(|folder| path.starts_with(folder)) {
        check_rust(path, text, findings);
    }
    if (path.ends_with(".rs") || path.ends_with(".py")) && text.lines().count() > MAX_LINES {
        let message = format!("{} lines, at most {MAX_LINES} allowed: split it", text.lines().count());
        findings.push(Finding::new(path, MAX_LINES + 1, message));
    }
    let by_hand = WRITTEN_BY_HAND.iter().any(|ending| path.ends_with(ending));
    let names_machines = path.starts_with("xtask/") || path.starts_with(".ci/");
    for (number, line) in numbered(text) {
        if by_hand && line.ends_with([' ', '\t']) {
            findings.push(Finding::new(path, number, "trailing whitespace"));
        }
        for (start, end) in MACHINE_PATHS {
            if !names_machines && line.contains(&format!("{start}{end}")) {
                findings.push(Finding::new(path, number, format!("a path of one machine: {start}{end}")));
            }
        }
    }
}

fn check_rust(path: &str, text: &str, findings: &mut Vec<Finding>) {
    let header = text.lines().take_while(|line| line.starts_with("//!")).count();
    if header == 0 {
        findings.push(Finding::new(path, 1, "must open with `//!`: what the file is, and its section of the paper"));
    }
    // A library's front page may say more.
    let is_library = path.ends_with("/src/lib.rs");
    if header > MAX_HEADER_LINES && !is_library {
        let message = format!("a header of {header} lines, at most {MAX_HEADER_LINES} allowed");
        findings.push(Finding::new(path, MAX_HEADER_LINES + 1, message));
    }
    if is_library && path.starts_with("crates/") && !text.contains("#![deny(missing_docs)]") {
        findings.push(Finding::new(path, 1, "a library must declare #![deny(missing_docs)]"));
    }
    for name in path.split('/').map(|part| part.trim_end_matches(".rs")) {
        if NAMES_THAT_SAY_NOTHING.contains(&name) {
            findings.push(Finding::new(path, 1, format!("`{name}` does not say what is in it")));
        }
    }
    for (number, line) in numbered(text) {
        for (start, end, instead) in REFUSED_IN_RUST {
            if line.contains(&format!("{start}{end}")) {
                findings.push(Finding::new(path, number, format!("`{start}{end}`: {instead}")));
            }
        }
        if line.trim_start().starts_with("pub") && line.contains(" use ") && line.contains("::*") {
            findings.push(Finding::new(path, number, "a glob re-export: name what is exported"));
        }
    }
}

fn numbered(text: &str) -> impl Iterator<Item = (usize, &str)> {
    (1..).zip(text.lines())
}
