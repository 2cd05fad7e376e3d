//! Hands the revision of the working tree to the program.

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=../../.git/HEAD");
    println!("cargo::rerun-if-changed=../../.git/index");
    // Whether the tree is clean can change with any source.
    println!("cargo::rerun-if-changed=..");
    println!("cargo::rerun-if-changed=../../crates");
    let described = Command::new("git").args(["describe", "--always", "--dirty", "--abbrev=12"]).output();
    let revision = described.ok().filter(|output| output.status.success());
    let revision = revision.and_then(|output| String::from_utf8(output.stdout).ok());
    println!("cargo::rustc-env=LOOKAHEAD_REVISION={}", revision.as_deref().map_or("unknown", str::trim));
}
