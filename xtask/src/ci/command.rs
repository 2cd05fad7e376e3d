//! Commands as lines: run, timed, and named where they fail.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

/// A line of words as a command in `root`, without a shell.
pub fn command(root: &Path, line: &str) -> Command {
    let mut words = line.split_whitespace();
    let mut command = Command::new(words.next().unwrap_or_default());
    command.args(words).current_dir(root);
    command
}

pub fn check(command: &mut Command) -> Result<()> {
    let line = as_typed(command);
    timed(&line, || {
        let status = command.status().with_context(|| format!("cannot start `{line}`"))?;
        ensure!(status.success(), "`{line}` failed: {status}");
        Ok(())
    })
}

/// Whether a command can be started and succeeds, in silence.
pub fn works(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// What cargo knows of the workspace and its members.
pub fn metadata(root: &Path) -> Result<serde_json::Value> {
    Ok(serde_json::from_str(&said(root, "cargo metadata --no-deps --format-version 1")?)?)
}

/// The output of a command that must succeed.
pub fn said(root: &Path, line: &str) -> Result<String> {
    let output = command(root, line).output().with_context(|| format!("cannot start `{line}`"))?;
    ensure!(output.status.success(), "`{line}` failed: {}", output.status);
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

fn as_typed(command: &Command) -> String {
    let settings = command.get_envs().filter_map(|(name, value)| {
        value.map(|value| format!("{}={:?}", name.to_string_lossy(), value.to_string_lossy()))
    });
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    settings.chain(words.map(|word| word.to_string_lossy().into_owned())).collect::<Vec<_>>().join(" ")
}

pub fn timed(title: &str, check: impl FnOnce() -> Result<()>) -> Result<()> {
    println!("\n$ {title}");
    let start = Instant::now();
    let done = check();
    let verdict = if done.is_ok() { "ok" } else { "failed" };
    println!("{verdict} after {}: {title}", readable(start.elapsed()));
    done
}

pub fn readable(time: Duration) -> String {
    let seconds = time.as_secs();
    if seconds < 60 {
        format!("{:.1} s", time.as_secs_f64())
    } else {
        format!("{} min {} s", seconds / 60, seconds % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_command_is_named() {
        let error = check(command(Path::new("."), "cargo no-such-command").env("SETTING", "1 2")).unwrap_err();
        assert!(error.to_string().starts_with("`SETTING=\"1 2\" cargo no-such-command` failed"), "{error}");
    }

    #[test]
    fn what_cannot_be_started_does_not_work() {
        assert!(works(&mut command(Path::new("."), "cargo --version")));
        assert!(!works(&mut command(Path::new("."), "cargo no-such-command")));
        assert!(!works(&mut command(Path::new("."), "no-such-program")));
    }

    #[test]
    fn times_are_readable() {
        assert_eq!(readable(Duration::from_millis(2340)), "2.3 s");
        assert_eq!(readable(Duration::from_secs(125)), "2 min 5 s");
    }
}
