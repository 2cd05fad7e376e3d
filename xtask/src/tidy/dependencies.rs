//! Rules of the manifests: which crate of the workspace may depend on which, who may use `anyhow`, how each is optimised.

use toml::{Table, Value};

use super::{Finding, Tree};

/// One crate of the workspace, and the others that it may depend on.
struct Allowed {
    package: &'static str,
    dependencies: &'static [&'static str],
    dev_dependencies: &'static [&'static str],
}

/// Dependencies run one way; ARCHITECTURE.md draws them. The laws only test.
const ALLOWED: [Allowed; 19] = [
    library("lookahead-nn", &[]),
    library("lookahead-optim", &[]),
    library("lookahead-flex", &[]),
    library("lookahead-cube", &["lookahead-optim"]),
    library("lookahead-layers", &["lookahead-flex", "lookahead-nn"]),
    library("lookahead-theory", &["lookahead-optim"]),
    library("lookahead-mpi", &["lookahead-optim"]),
    library("lookahead-burn", &["lookahead-optim", "lookahead-cube", "lookahead-flex"]),
    Allowed { package: "lookahead-laws", dependencies: &["lookahead-optim"], dev_dependencies: &[] },
    room("lookahead-settings", &["lookahead-optim"]),
    room("lookahead-runs", &["lookahead-settings"]),
    room("lookahead-data", &["lookahead-settings", "lookahead-runs"]),
    room(
        "lookahead-models",
        &[
            "lookahead-settings",
            "lookahead-runs",
            "lookahead-data",
            "lookahead-burn",
            "lookahead-cube",
            "lookahead-flex",
            "lookahead-layers",
            "lookahead-nn",
        ],
    ),
    room(
        "lookahead-training",
        &[
            "lookahead-settings",
            "lookahead-runs",
            "lookahead-data",
            "lookahead-models",
            "lookahead-optim",
            "lookahead-burn",
            "lookahead-mpi",
            "lookahead-theory",
        ],
    ),
    room("lookahead-report", &["lookahead-runs", "lookahead-theory"]),
    room(
        "lookahead-lab",
        &[
            "lookahead-settings",
            "lookahead-runs",
            "lookahead-data",
            "lookahead-models",
            "lookahead-training",
            "lookahead-report",
            "lookahead-optim",
            "lookahead-burn",
            "lookahead-mpi",
            "lookahead-theory",
        ],
    ),
    room(
        "lookahead-bench",
        &[
            "lookahead-optim",
            "lookahead-burn",
            "lookahead-runs",
            "lookahead-data",
            "lookahead-models",
            "lookahead-training",
        ],
    ),
    Allowed {
        package: "lookahead-fuzz",
        dependencies: &[],
        dev_dependencies: &[
            "lookahead-optim",
            "lookahead-burn",
            "lookahead-settings",
            "lookahead-runs",
            "lookahead-data",
            "lookahead-models",
            "lookahead-training",
        ],
    },
    Allowed { package: "xtask", dependencies: &[], dev_dependencies: &[] },
];

/// A crate that people add; the battery of laws tests it.
const fn library(package: &'static str, dependencies: &'static [&'static str]) -> Allowed {
    Allowed { package, dependencies, dev_dependencies: &["lookahead-laws"] }
}

/// A crate of the program.
const fn room(package: &'static str, dependencies: &'static [&'static str]) -> Allowed {
    Allowed { package, dependencies, dev_dependencies: &[] }
}

/// Only programs may: a library's errors are types.
const MAY_USE_ANYHOW: [&str; 2] = ["lookahead-lab", "xtask"];

pub fn check(tree: &Tree, findings: &mut Vec<Finding>) {
    let manifests = tree.texts().filter(|(path, _)| path.ends_with("Cargo.toml"));
    let mut parsed = Vec::new();
    for (path, text) in manifests {
        match text.parse::<Table>() {
            Ok(table) => parsed.push((path, text, table)),
            Err(error) => findings.push(Finding::new(path, 1, error.message())),
        }
    }
    let root = parsed.iter().find(|(path, ..)| *path == "Cargo.toml").map(|(.., root)| root);
    let aliases = root.map(Aliases::of).unwrap_or_default();
    let profiles = root.and_then(profiles);
    let members: Vec<&str> = parsed.iter().filter_map(|(.., table)| package_name(table)).collect();
    for (path, text, table) in &parsed {
        let Some(package) = package_name(table) else { continue };
        let manifest = Manifest { path, text, table, package };
        manifest.check(&members, &aliases, findings);
        if profiles.is_some_and(|profiles| !profiles.contains_key(package)) {
            let message = format!("[profile.dev.package] says nothing of {package}: say how far tests optimise it");
            findings.push(Finding::new("Cargo.toml", 1, message));
        }
    }
}

fn package_name(manifest: &Table) -> Option<&str> {
    manifest.get("package")?.get("name")?.as_str()
}

/// The packages that are not built as the profile of tests says.
fn profiles(root: &Table) -> Option<&Table> {
    root.get("profile")?.get("dev")?.get("package")?.as_table()
}

/// The workspace's `key = { package = "name" }`.
#[derive(Default)]
struct Aliases(Vec<(String, String)>);

impl Aliases {
    fn of(root: &Table) -> Self {
        let shared =
            root.get("workspace").and_then(|workspace| workspace.get("dependencies")).and_then(Value::as_table);
        let names =
            shared.into_iter().flatten().filter_map(|(key, value)| Some((key.clone(), renamed(value)?.to_owned())));
        Self(names.collect())
    }

    /// The package that a dependency's key and value mean.
    fn package<'a>(&'a self, key: &'a str, value: &'a Value) -> &'a str {
        let shared = || self.0.iter().find(|(alias, _)| alias == key).map(|(_, package)| package.as_str());
        renamed(value).or_else(shared).unwrap_or(key)
    }
}

fn renamed(dependency: &Value) -> Option<&str> {
    dependency.get("package")?.as_str()
}

struct Manifest<'a> {
    path: &'a str,
    text: &'a str,
    table: &'a Table,
    package: &'a str,
}

impl Manifest<'_> {
    fn check(&self, members: &[&str], aliases: &Aliases, findings: &mut Vec<Finding>) {
        let Some(allowed) = ALLOWED.iter().find(|allowed| allowed.package == self.package) else {
            let message =
                format!("{} has no line in xtask/src/tidy/dependencies.rs: say what it may depend on", self.package);
            return findings.push(Finding::new(self.path, 1, message));
        };
        for (section, key, value) in self.dependencies() {
            let dependency = aliases.package(key, value);
            let testing = section == "dev-dependencies" && allowed.dev_dependencies.contains(&dependency);
            if members.contains(&dependency) && !allowed.dependencies.contains(&dependency) && !testing {
                let message = format!("{} must not have {dependency} in its {section}", self.package);
                findings.push(Finding::new(self.path, self.line_of(key), message));
            }
            if dependency == "anyhow" && !MAY_USE_ANYHOW.contains(&self.package) {
                let message = format!("{} must not use anyhow: errors are types", self.package);
                findings.push(Finding::new(self.path, self.line_of(key), message));
            }
        }
    }

    /// `(section, key, value)` of every dependency, those of one platform too.
    fn dependencies(&self) -> impl Iterator<Item = (&str, &str, &Value)> {
        let platforms = self.table.get("target").and_then(Value::as_table).into_iter().flatten();
        let tables = std::iter::once(self.table).chain(platforms.filter_map(|(_, platform)| platform.as_table()));
        tables
            .flatten()
            .filter(|(section, _)| section.ends_with("dependencies"))
            .filter_map(|(section, entries)| Some((section.as_str(), entries.as_table()?)))
            .flat_map(|(section, entries)| entries.iter().map(move |(key, value)| (section, key.as_str(), value)))
    }

    fn line_of(&self, key: &str) -> usize {
        let names_key = |line: &str| line.strip_prefix(key).is_some_and(|rest| rest.starts_with([' ', '.', '=']));
        self.text.lines().position(names_key).map_or(1, |index| index + 1)
    }
}
