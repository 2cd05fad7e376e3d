//! What a package of the program asks it for: its version, completions, manual pages.

use std::fs;

use super::support::{Bench, stderr, stdout};

const COMMANDS: [&str; 6] = ["run", "train", "theory", "data", "report", "inspect"];

#[test]
fn the_version_tells_the_revision() {
    let said = stdout(&Bench::new("").run(&["--version"]));
    let revision = said.strip_prefix(concat!("lookahead ", env!("CARGO_PKG_VERSION"), " (")).unwrap();
    assert!(revision.trim_end().strip_suffix(')').is_some_and(|revision| !revision.is_empty()), "{said}");
}

#[test]
fn completions_know_the_commands() {
    let bench = Bench::new("");
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let output = bench.run(&["completions", shell]);
        assert!(output.status.success(), "{shell}: {}", stderr(&output));
        for command in COMMANDS {
            assert!(stdout(&output).contains(command), "{shell} does not know {command}");
        }
    }
    let unknown = bench.run(&["completions", "tcsh"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(stderr(&unknown).contains("possible values: bash"), "{}", stderr(&unknown));
}

#[test]
fn manual_pages_are_printed_or_written() {
    let bench = Bench::new("");
    let page = stdout(&bench.run(&["man"]));
    assert!(page.contains(".TH lookahead 1") && page.contains("lookahead run quickstart"), "{page}");

    assert!(bench.run(&["man", "--out", "pages"]).status.success());
    for name in ["", "-run", "-theory-advise"] {
        let page = fs::read_to_string(bench.path().join(format!("pages/lookahead{name}.1"))).unwrap();
        assert!(page.contains(&format!(".TH lookahead{name} 1")), "{page}");
    }
    let refused = bench.run(&["man", "--out", "run.toml"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(stderr(&refused).contains("cannot make run.toml"), "{}", stderr(&refused));
}
