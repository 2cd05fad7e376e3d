//! `cargo xtask conformance`: our crates on the trajectories that anybody's Lookahead can follow, the kit's own tests, and
//! the record of what it finds elsewhere.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Result, ensure};

use crate::ci::command::{check, command, timed, works};

#[derive(clap::Args)]
pub struct Options {
    /// Check the packages that are installed, and write records/conformance anew.
    #[arg(long)]
    record: bool,
}

/// What needs a package beyond Python and pytest: the module, its tests and what they are of.
const FURTHER: [(&str, &str, &str); 2] = [
    ("torch", "conformance/tests/test_lookahead_torch.py", "the Lookahead for PyTorch"),
    ("optax", "conformance/tests/test_lookahead_optax.py", "the Lookahead for optax"),
];

pub fn run(root: &Path, options: &Options) -> Result<()> {
    if options.record {
        return check(python(root).arg("conformance/record.py"));
    }
    check(&mut command(root, "cargo test --workspace --test conformance"))?;
    kit(root)?;
    for (module, tests, what) in FURTHER {
        if can_import(root, module) && can_import(root, "pytest") {
            check(python(root).args(["-m", "pytest", "-q", tests]))?;
        } else {
            println!("\nnot tested: {what}, without the Python packages {module} and pytest");
        }
    }
    Ok(())
}

/// What needs nothing but Python: the trajectories made anew, and the kit's tests without a framework.
pub fn kit(root: &Path) -> Result<()> {
    if !works(python(root).args(["-c", "import sys; sys.exit(sys.version_info < (3, 11))"])) {
        println!("\nnot checked: the conformance kit, without Python 3.11 (the variable PYTHON can name one)");
        return Ok(());
    }
    timed("conformance/generate.py makes the trajectories that are kept", || reproduces(root))?;
    if !can_import(root, "pytest") {
        println!("\nnot tested: the conformance kit, without pytest (pip install pytest)");
        return Ok(());
    }
    let mut tests = python(root);
    tests.args(["-m", "pytest", "-q", "conformance"]);
    check(tests.args(FURTHER.map(|(_, tests, _)| format!("--ignore={tests}"))))
}

fn reproduces(root: &Path) -> Result<()> {
    let fresh = tempfile::tempdir()?;
    let status = python(root).arg("conformance/generate.py").arg(fresh.path()).status()?;
    ensure!(status.success(), "conformance/generate.py failed: {status}");
    let (kept, made) = (contents(&root.join("conformance/trajectories"))?, contents(fresh.path())?);
    ensure!(kept.keys().eq(made.keys()), "it makes {:?}, but kept are {:?}", made.keys(), kept.keys());
    for (name, bytes) in kept {
        ensure!(
            made[&name] == bytes,
            "conformance/trajectories/{name} differs from what conformance/generate.py makes"
        );
    }
    Ok(())
}

fn contents(folder: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let file = |entry: std::io::Result<fs::DirEntry>| {
        let entry = entry?;
        Ok((entry.file_name().to_string_lossy().into_owned(), fs::read(entry.path())?))
    };
    fs::read_dir(folder)?.map(file).collect()
}

fn python(root: &Path) -> Command {
    let mut python = command(root, &std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned()));
    python.env("PYTHONDONTWRITEBYTECODE", "1");
    python
}

fn can_import(root: &Path, module: &str) -> bool {
    works(python(root).args(["-c", &format!("import {module}")]))
}
