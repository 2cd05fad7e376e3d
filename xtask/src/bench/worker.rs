//! A worker: a program that runs optimizer steps on command (see crates/lookahead-bench/peers/protocol.py).

use std::ffi::{OsStr, OsString};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result};
use serde_json::Value;

use super::PERIOD;

/// A program to start, and the variants to ask it for.
pub struct Plan {
    pub name: String,
    command: Vec<OsString>,
    pub variants: Vec<String>,
}

impl Plan {
    pub fn new<'a>(name: &str, command: impl IntoIterator<Item = &'a OsStr>, variants: &[&str]) -> Self {
        let command = command.into_iter().map(OsStr::to_owned).collect();
        Self { name: name.to_owned(), command, variants: variants.iter().map(ToString::to_string).collect() }
    }
}

pub struct Worker {
    pub name: String,
    pub variants: Vec<String>,
    pub params: u64,
    /// Where it computes, if it says so.
    pub device: Value,
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

/// What is said of a device that is none.
pub const SOFTWARE: &str = "A DRIVER ON THE PROCESSOR: NO MEASURE OF A GPU";

impl Worker {
    pub fn start(plan: &Plan, shapes: &Path, inner: &str, threads: usize, variants: &[String]) -> Result<Self> {
        let mut command = Command::new(&plan.command[0]);
        command.args(&plan.command[1..]).arg("--shapes").arg(shapes);
        command.args(["--inner", inner, "--k", &PERIOD.to_string(), "--alpha", "0.5"]);
        command.args(["--threads", &threads.to_string(), "--variants", &variants.join(",")]);
        command.env("OMP_NUM_THREADS", threads.to_string());
        Self::spawn(&plan.name, command, variants)
    }

    /// Starts a program, and waits until it says that it is ready.
    pub fn spawn(name: &str, mut command: Command, variants: &[String]) -> Result<Self> {
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start the worker {name:?}"))?;
        let (input, output) = process.stdin.take().zip(process.stdout.take()).context("a worker without pipes")?;
        let (name, variants) = (name.to_owned(), variants.to_vec());
        let output = BufReader::new(output);
        let mut worker = Self { name, variants, params: 0, device: Value::Null, process, input, output };
        let mut ready = worker.answer()?;
        worker.params = ready["params"].as_u64().context("a worker that does not count its parameters")?;
        worker.device = ready["device"].take();
        if ready["software"] == true {
            worker.device = format!("{}, {SOFTWARE}", worker.device.as_str().unwrap_or_default()).into();
        }
        Ok(worker)
    }

    pub fn ask(&mut self, line: &str) -> Result<Value> {
        writeln!(self.input, "{line}").and_then(|()| self.input.flush())?;
        self.answer()
    }

    /// Milliseconds of each of `steps` steps.
    pub fn time(&mut self, variant: &str, steps: usize) -> Result<Vec<f64>> {
        let answer = self.ask(&format!("run {variant} {steps}"))?;
        let times = answer["ms"].as_array().context("an answer without times")?;
        Ok(times.iter().filter_map(Value::as_f64).collect())
    }

    fn answer(&mut self) -> Result<Value> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        serde_json::from_str(&line).with_context(|| format!("the worker {:?} said {line:?}", self.name))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It leaves at "quit"; if it is gone already, there is nothing to stop.
        let _ = writeln!(self.input, "quit").and_then(|()| self.input.flush());
        let _ = self.process.wait();
    }
}
