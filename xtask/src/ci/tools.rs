//! Checks with what is installed: cargo-deny, and the oldest Rust that is promised.

use std::path::Path;

use anyhow::{Context, Result};

use super::command::{check, command, metadata, said, works};
use super::packages::PACKAGES;

/// Licences, sources and bans by `deny.toml`; known faults too, where their list can be fetched.
pub fn deny(root: &Path) -> Result<()> {
    if !works(&mut command(root, "cargo deny --version")) {
        println!("\nnot checked: licences, sources and known faults of dependencies (`cargo install cargo-deny`)");
        return Ok(());
    }
    check(&mut command(root, "cargo deny check bans licenses sources"))?;
    if works(&mut command(root, "cargo deny fetch db")) {
        check(&mut command(root, "cargo deny check advisories"))
    } else {
        println!("\nnot checked: known faults of dependencies, whose list cannot be fetched");
        Ok(())
    }
}

/// The libraries on the oldest Rust that `Cargo.toml` promises, unless all checks run on it anyway.
pub fn rust_version(root: &Path) -> Result<()> {
    let metadata = metadata(root)?;
    let promised = metadata["packages"][0]["rust_version"].as_str().context("no rust-version is promised")?;
    let used = said(root, "rustc --version")?;
    if used.split(' ').nth(1).is_some_and(|used| is_of(used, promised)) {
        println!("\nok: {used} runs all checks, and is the oldest that is promised");
        return Ok(());
    }
    let installed = said(root, "rustup toolchain list").unwrap_or_default();
    let Some(oldest) = installed.split_whitespace().find(|name| is_of(name, promised)) else {
        println!("\nnot checked: Rust {promised}, the oldest that is promised (`rustup toolchain install {promised}`)");
        return Ok(());
    };
    let packages: Vec<String> = PACKAGES.iter().map(|name| format!("--package {name}")).collect();
    check(&mut command(root, &format!("rustup run {oldest} cargo check {}", packages.join(" "))))
}

/// Whether `1.95.1`, or a toolchain's name such as `1.95.0-x86_64-unknown-linux-gnu`, is of version `1.95`.
fn is_of(name: &str, version: &str) -> bool {
    name.strip_prefix(version).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '-']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_their_parts() {
        for name in ["1.95", "1.95.1", "1.95.0-x86_64-unknown-linux-gnu", "1.95-aarch64-apple-darwin"] {
            assert!(is_of(name, "1.95"), "{name}");
        }
        for name in ["1.9", "1.950.0", "stable-x86_64-unknown-linux-gnu", "11.95.0"] {
            assert!(!is_of(name, "1.95"), "{name}");
        }
    }
}
