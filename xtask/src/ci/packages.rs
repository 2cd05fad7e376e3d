//! The packages as they would be published, unpacked and built from one another.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use toml::{Table, Value};

use super::command::{self, command, metadata};

/// In the order in which they are published: each after those that it depends on.
pub const PACKAGES: [&str; 8] = [
    "lookahead-nn",
    "lookahead-optim",
    "lookahead-flex",
    "lookahead-cube",
    "lookahead-layers",
    "lookahead-theory",
    "lookahead-mpi",
    "lookahead-burn",
];

/// Cargo's own verification shares nothing with any other build. A workspace of the unpacked packages, with the profiles
/// and the target folder of this one, only checks them, with what is there already.
pub fn check(root: &Path) -> Result<()> {
    let list = PACKAGES.map(|name| format!("--package {name}")).join(" ");
    command::check(&mut command(root, &format!("cargo package --no-verify --allow-dirty {list}")))?;

    let metadata = metadata(root)?;
    let target = Path::new(metadata["target_directory"].as_str().context("cargo metadata names no target folder")?);
    let members = metadata["packages"].as_array().context("cargo metadata names no packages")?;
    let version = |name: &str| members.iter().find(|member| member["name"] == name)?["version"].as_str();
    let folders = PACKAGES.map(|name| format!("{name}-{}", version(name).unwrap_or_default()));
    let unpacked = tempfile::tempdir()?;
    for folder in &folders {
        let archive = target.join("package").join(format!("{folder}.crate"));
        command::check(command(unpacked.path(), "tar -xzf").arg(archive))?;
    }
    let manifest = fs::read_to_string(root.join("Cargo.toml"))?.parse()?;
    fs::write(unpacked.path().join("Cargo.toml"), workspace(&manifest, &folders))?;
    fs::copy(root.join("Cargo.lock"), unpacked.path().join("Cargo.lock"))?;
    for name in PACKAGES {
        let line = format!("cargo check --offline --package {name} --target-dir");
        command::check(command(unpacked.path(), &line).arg(target))?;
    }
    Ok(())
}

/// A workspace in which the packages find each other, and are built as in the one of this manifest.
fn workspace(manifest: &Table, folders: &[String]) -> String {
    let dev = manifest.get("profile").and_then(|profile| profile.get("dev"));
    let mut dev = dev.cloned().unwrap_or_else(|| Table::new().into());
    if let Some(packages) = dev.get_mut("package").and_then(Value::as_table_mut) {
        packages.retain(|name, _| name == "*" || PACKAGES.contains(&name));
    }
    let dev = Table::from_iter([("dev".to_owned(), dev)]);
    let profile = Table::from_iter([("profile".to_owned(), dev.into())]);
    let patch: String =
        PACKAGES.iter().zip(folders).map(|(name, folder)| format!("{name}.path = {folder:?}\n")).collect();
    format!("[workspace]\nresolver = \"3\"\nmembers = {folders:?}\n\n[patch.crates-io]\n{patch}\n\n{profile}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_find_the_first_and_keep_their_profile() {
        let manifest = "profile.dev.opt-level = 3\n[profile.dev.package]\n\"*\".debug = false\n\
                        lookahead-burn.opt-level = 1\nxtask.opt-level = 0\n[profile.release]\ndebug = 1\n";
        let folders = PACKAGES.map(|name| format!("{name}-1.2.3"));
        let made: Table = workspace(&manifest.parse().unwrap(), &folders).parse().unwrap();
        assert_eq!(made["workspace"]["members"].as_array().unwrap().len(), PACKAGES.len());
        assert_eq!(made["patch"]["crates-io"]["lookahead-optim"]["path"].as_str(), Some("lookahead-optim-1.2.3"));
        let kept = "dev.opt-level = 3\n[dev.package]\n\"*\".debug = false\nlookahead-burn.opt-level = 1\n";
        assert_eq!(made["profile"], kept.parse::<Table>().unwrap().into());
    }
}
