//! `cargo xtask golden`: makes the golden data of `testdata/*/*.py` anew and compares it with what is kept.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use toml::{Table, Value};

/// Differences up to this are rounding: another Python library, another processor.
const ROUNDING: f64 = 1e-12;

pub fn run(root: &Path) -> Result<()> {
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned());
    println!("Golden data comes from programs that share no code with this workspace: testdata/*/*.py.");
    println!("They run now with {python} (the variable PYTHON chooses another), in a temporary folder.");
    let mut agrees = true;
    for entry in fs::read_dir(root.join("testdata"))? {
        agrees &= compare_folder(&python, &entry?.path())?;
    }
    ensure!(agrees, "golden data differs; if that is meant, run its program in place and say why in CHANGELOG.md");
    Ok(())
}

/// Runs copies of the folder's programs, which write beside themselves. Whether every file agrees with the one kept.
fn compare_folder(python: &str, folder: &Path) -> Result<bool> {
    let fresh = tempfile::tempdir()?;
    for name in files(folder, ".py")? {
        let program = fresh.path().join(&name);
        fs::copy(folder.join(&name), &program)?;
        let status = Command::new(python).arg(&program).status().with_context(|| format!("cannot start {python}"))?;
        ensure!(status.success(), "{} failed: {status}", folder.join(&name).display());
    }

    let mut agrees = true;
    for name in files(folder, ".toml")?.union(&files(fresh.path(), ".toml")?) {
        let (kept, made) = (folder.join(name), fresh.path().join(name));
        let difference = if kept.exists() && made.exists() { difference(&read(&kept)?, &read(&made)?) } else { None };
        agrees &= difference.is_some_and(|difference| difference <= ROUNDING);
        let verdict = match difference {
            None => "differs in more than its numbers, or is not in both".to_owned(),
            Some(0.0) => "the same".to_owned(),
            Some(difference) => format!("numbers differ by at most {difference:.1e}"),
        };
        println!("{}: {verdict}", kept.display());
    }
    Ok(agrees)
}

fn files(folder: &Path, extension: &str) -> Result<BTreeSet<String>> {
    let names = fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    let names: Result<BTreeSet<String>> = names.collect();
    Ok(names?.into_iter().filter(|name| name.ends_with(extension)).collect())
}

fn read(file: &Path) -> Result<Value> {
    let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let table: Table = text.parse().with_context(|| file.display().to_string())?;
    Ok(table.into())
}

/// The largest `|a - b| / max(1, |a|)` over all floats, or `None` where anything else differs.
fn difference(a: &Value, b: &Value) -> Option<f64> {
    match (a, b) {
        (Value::Float(a), Value::Float(b)) if a == b => Some(0.0),
        (Value::Float(a), Value::Float(b)) => Some((a - b).abs() / a.abs().max(1.0)).filter(|d| !d.is_nan()),
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            largest(a.iter().zip(b).map(|(a, b)| difference(a, b)))
        }
        (Value::Table(a), Value::Table(b)) if a.len() == b.len() => {
            largest(a.iter().map(|(key, value)| difference(value, b.get(key)?)))
        }
        _ => (a == b).then_some(0.0),
    }
}

fn largest(mut differences: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    differences.try_fold(0.0, |largest: f64, difference| Some(largest.max(difference?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn difference_of(a: &str, b: &str) -> Option<f64> {
        let table = |text: &str| Value::from(text.parse::<Table>().unwrap());
        difference(&table(a), &table(b))
    }

    #[test]
    fn only_floats_may_differ() {
        let kept = "name = \"sgd\"\ntheta = [[1.0, 4.0], [0.5]]\n";
        assert_eq!(difference_of(kept, kept), Some(0.0));
        assert_eq!(difference_of(kept, &kept.replace("4.0", "5.0")), Some(0.25));
        assert_eq!(difference_of(kept, &kept.replace("0.5", "0.25")), Some(0.25));
        assert_eq!(difference_of(kept, &kept.replace("0.5", "nan")), None);
        assert_eq!(difference_of(kept, &kept.replace("sgd", "adam")), None);
        assert_eq!(difference_of(kept, &kept.replace("[0.5]", "[0.5, 0.5]")), None);
        assert_eq!(difference_of(kept, &kept.replace("theta", "phi")), None);
    }

    #[test]
    fn a_folder_agrees_with_a_program_that_makes_it() {
        let folder = tempfile::tempdir().unwrap();
        let keep = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        keep("generate.py", "echo 'x = 1.5' > \"$(dirname \"$0\")/a.toml\"");
        keep("a.toml", "# a comment\nx = 1.5\n");
        assert!(compare_folder("sh", folder.path()).unwrap());
        keep("a.toml", "x = 1.6\n");
        assert!(!compare_folder("sh", folder.path()).unwrap());
        keep("a.toml", "x = 1.5\n");
        keep("b.toml", "x = 1.5\n");
        assert!(!compare_folder("sh", folder.path()).unwrap());
        keep("other.py", "echo 'x = 1.5' > \"$(dirname \"$0\")/b.toml\"");
        assert!(compare_folder("sh", folder.path()).unwrap());
        keep("generate.py", "exit 3");
        assert!(compare_folder("sh", folder.path()).unwrap_err().to_string().contains("generate.py failed"));
    }
}
