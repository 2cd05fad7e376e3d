//! One `mpirun` of this program, in a folder of its own.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};
use std::{env, fs, thread};

/// What a rank is to do; its presence makes this program a rank.
pub const TASK: &str = "LOOKAHEAD_MPI_TASK";
/// Where it leaves its results.
pub const FOLDER: &str = "LOOKAHEAD_MPI_FOLDER";
/// What befalls it: kind, rank and step.
pub const FAULT: &str = "LOOKAHEAD_MPI_FAULT";

/// No job here takes longer.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct Run {
    command: Command,
}

pub struct Ended {
    pub code: Option<i32>,
    pub at: SystemTime,
    pub said: String,
}

impl Run {
    pub fn new(ranks: usize, task: &str) -> Self {
        Self::with(Command::new("mpirun"), &["-n", &ranks.to_string()], task)
    }

    /// With a launcher and further arguments of its.
    pub fn with(mut launcher: Command, arguments: &[&str], task: &str) -> Self {
        launcher.args(["--allow-run-as-root", "--oversubscribe"]);
        launcher.args(["-x", TASK, "-x", FOLDER, "-x", FAULT]).args(arguments).arg(env::current_exe().unwrap());
        launcher.env(TASK, task).env(FOLDER, "").env(FAULT, "").env("RUST_BACKTRACE", "0");
        Self { command: launcher }
    }

    pub fn set(mut self, variable: &str, value: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.env(variable, value);
        self
    }

    pub fn start(mut self) -> Started {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let file = fs::File::create(&log).unwrap();
        self.command.stdin(Stdio::null()).stdout(file.try_clone().unwrap()).stderr(file);
        Started { child: self.command.spawn().unwrap(), log, _folder: folder }
    }

    pub fn finish(self) -> Ended {
        self.start().finish()
    }
}

pub struct Started {
    pub child: Child,
    log: PathBuf,
    _folder: tempfile::TempDir,
}

impl Started {
    /// Waits for its end; one that does not come is a failure.
    pub fn finish(mut self) -> Ended {
        let begun = Instant::now();
        let status = loop {
            match self.child.try_wait().unwrap() {
                Some(status) => break status,
                None if begun.elapsed() < PATIENCE => thread::sleep(Duration::from_millis(10)),
                None => {
                    self.child.kill().unwrap();
                    panic!("it does not end; it said\n{}", fs::read_to_string(&self.log).unwrap());
                }
            }
        };
        let ended = Ended { code: status.code(), at: SystemTime::now(), said: fs::read_to_string(&self.log).unwrap() };
        if ended.code != Some(0) && env::var_os("LOOKAHEAD_MPI_LOUD").is_some() {
            println!("{}", ended.said);
        }
        ended
    }
}

pub fn timed(title: &str, check: impl FnOnce()) {
    let begun = Instant::now();
    check();
    println!("ok after {:.1} s: {title}", begun.elapsed().as_secs_f64());
}

pub fn works(program: &str, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
