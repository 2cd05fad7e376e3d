//! Rules of Markdown files: links and paths lead somewhere.

use super::{Finding, Tree};

/// Documents whose paths in backticks must exist, and where such paths begin.
const MAPS: [&str; 2] = ["PAPER.md", "ARCHITECTURE.md"];
const MAPPED: [&str; 6] = ["crates/", "experiments/", "fuzz/", "records/", "testdata/", "xtask/"];

pub fn check(tree: &Tree, path: &str, text: &str, findings: &mut Vec<Finding>) {
    if !path.ends_with(".md") {
        return;
    }
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut fenced = false;
    for (number, line) in (1..).zip(text.lines()) {
        fenced ^= line.trim_start().starts_with("```");
        if fenced {
            continue;
        }
        for target in link_targets(line).filter(|target| is_relative(target)) {
            let file = target.split('#').next().unwrap_or_default();
            if !resolve(folder, file).is_some_and(|file| tree.contains(&file)) {
                findings.push(Finding::new(path, number, format!("a link to {target}, which is not there")));
            }
        }
        for named in line.split('`').skip(1).step_by(2) {
            let is_path = MAPPED.iter().any(|start| named.starts_with(start));
            if MAPS.contains(&path) && is_path && !tree.contains(named) {
                findings.push(Finding::new(path, number, format!("{named} is not there")));
            }
        }
    }
}

/// What stands in the round brackets of `[…](…)` and `![…](…)`.
fn link_targets(line: &str) -> impl Iterator<Item = &str> {
    line.split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next())
}

fn is_relative(target: &str) -> bool {
    !target.contains("://") && !target.starts_with(['#', '/']) && !target.starts_with("mailto:")
}

/// `file` seen from `folder`, or `None` above the root.
fn resolve(folder: &str, file: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in file.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}
