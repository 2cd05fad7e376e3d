//! `cargo xtask pages`: every report in a browser, narrow and wide, light and dark.

mod browser;
mod check;
mod driver;
mod picture;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use browser::Browser;
use check::{Theme, View};

#[derive(clap::Args)]
pub struct Options {
    /// The folder: every `report.html` and `index.html` in it and below it is opened.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

/// How a page is looked at.
const VIEWS: [View; 4] = [
    View { name: "wide-light", width: 1280, height: 900, theme: Theme::Light },
    View { name: "wide-dark", width: 1280, height: 900, theme: Theme::Dark },
    View { name: "narrow-light", width: 390, height: 844, theme: Theme::Light },
    View { name: "narrow-dark", width: 390, height: 844, theme: Theme::Dark },
];

const SCREENSHOTS: &str = "screenshots";

pub fn run(options: &Options) -> Result<()> {
    check(&options.folder)
}

/// Opens every page in a folder and below it.
pub fn check(folder: &Path) -> Result<()> {
    let folder = folder.canonicalize().with_context(|| format!("cannot open {}", folder.display()))?;
    let pages = pages(&folder)?;
    ensure!(!pages.is_empty(), "{}: no report.html and no index.html here or below", folder.display());
    let screenshots = folder.join(SCREENSHOTS);
    fs::create_dir_all(&screenshots).with_context(|| format!("cannot make {}", screenshots.display()))?;

    let browser = Browser::start()?;
    let mut failed = 0;
    for page in &pages {
        let name = name(&folder, page);
        let mut problems = Vec::new();
        for view in VIEWS {
            let seen = check::look(&browser, page, view).with_context(|| format!("{name}, {}", view.name))?;
            problems.extend(seen.problems().into_iter().map(|problem| format!("{}: {problem}", view.name)));
            let path = screenshots.join(format!("{name}-{}.png", view.name));
            fs::write(&path, &seen.screenshot).with_context(|| format!("cannot write {}", path.display()))?;
        }
        failed += usize::from(!problems.is_empty());
        println!("{} {}", if problems.is_empty() { "ok    " } else { "failed" }, page.display());
        for problem in problems {
            println!("       {problem}");
        }
    }
    if failed > 0 {
        bail!("{failed} of {} pages failed; their pictures are in {}", pages.len(), screenshots.display());
    }
    println!("pages: {} pages are fine; their pictures are in {}", pages.len(), screenshots.display());
    Ok(())
}

/// The pages in a folder and below it, sorted.
fn pages(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut pages = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))? {
            let entry = entry?;
            // The type of the entry itself: links are not followed, so that there is an end.
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            } else if ["report.html", "index.html"].iter().any(|name| entry.file_name() == *name) {
                pages.push(entry.path());
            }
        }
    }
    pages.sort();
    Ok(pages)
}

/// The path from the folder, as one word.
fn name(folder: &Path, page: &Path) -> String {
    let path = page.strip_prefix(folder).unwrap_or(page).with_extension("");
    path.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_found_at_every_depth() {
        let folder = tempfile::tempdir().unwrap();
        let paths =
            ["index.html", "fig01/report.html", "runs/a/report.html", "runs/a/other.html", "fig01/report.html.old"];
        for path in paths {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let found = pages(folder.path()).unwrap();
        let names: Vec<String> = found.iter().map(|page| name(folder.path(), page)).collect();
        assert_eq!(names, ["fig01-report", "index", "runs-a-report"]);
    }
}
