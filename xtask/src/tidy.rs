//! `cargo xtask tidy`: the house rules that a machine can check, over every file that git tracks or would add.

mod dependencies;
mod documents;
mod sources;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

pub fn run(root: &Path) -> Result<()> {
    let tree = Tree::read(root)?;
    let findings = check(&tree);
    for finding in &findings {
        eprintln!("{finding}");
    }
    match findings.len() {
        0 => println!("tidy: {} files follow the house rules", tree.files.len()),
        count => bail!("tidy: {count} findings; CONTRIBUTING.md explains the house rules"),
    }
    Ok(())
}

fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.texts() {
        sources::check(path, text, &mut findings);
        documents::check(tree, path, text, &mut findings);
    }
    dependencies::check(tree, &mut findings);
    findings.sort();
    findings
}

/// The files of a checkout: paths from its root, with `/`, and their text (`None` for a binary file).
#[derive(Default)]
struct Tree {
    files: BTreeMap<String, Option<String>>,
}

impl Tree {
    fn read(root: &Path) -> Result<Self> {
        let list = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
        let listed = Command::new("git").args(list).current_dir(root).output().context("cannot start git")?;
        ensure!(listed.status.success(), "git ls-files: {}", String::from_utf8_lossy(&listed.stderr).trim());
        let paths = String::from_utf8(listed.stdout).context("a file name that is not UTF-8")?;
        let mut files = BTreeMap::new();
        for path in paths.split_terminator('\0') {
            let file = root.join(path);
            if file.is_file() {
                let bytes = std::fs::read(&file).with_context(|| format!("cannot read {path}"))?;
                files.insert(path.to_owned(), String::from_utf8(bytes).ok());
            }
        }
        Ok(Self { files })
    }

    fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().filter_map(|(path, text)| Some((path.as_str(), text.as_deref()?)))
    }

    /// Whether there is such a file or folder.
    fn contains(&self, path: &str) -> bool {
        let path = path.trim_end_matches('/');
        let folder = format!("{path}/");
        path.is_empty() || self.files.contains_key(path) || self.files.keys().any(|file| file.starts_with(&folder))
    }
}

/// One place that breaks a rule.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    path: String,
    line: usize,
    message: String,
}

impl Finding {
    fn new(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, message: message.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.message)
    }
}
