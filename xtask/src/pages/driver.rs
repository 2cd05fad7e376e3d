//! ChromeDriver as a child process, and its answers: the WebDriver protocol, JSON over HTTP.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use ureq::Agent;

const INSTALL: &str = "apt-get install --yes --no-install-recommends chromium chromium-driver";
/// What ChromeDriver says when it listens.
const READY: &str = "started successfully on port ";

pub struct Driver {
    process: Child,
    /// Kept open: the process would fail to write otherwise.
    _output: BufReader<ChildStdout>,
    agent: Agent,
    address: String,
}

impl Driver {
    /// Starts it on a free port.
    pub fn start() -> Result<Self> {
        let mut process = Command::new("chromedriver")
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot start chromedriver; to install it: {INSTALL}"))?;
        let Some(output) = process.stdout.take() else { bail!("chromedriver has no output") };
        let mut output = BufReader::new(output);
        let port = loop {
            let mut line = String::new();
            if output.read_line(&mut line)? == 0 {
                let status = process.wait()?;
                bail!("chromedriver ended before it listened: {status}");
            }
            if let Some((_, port)) = line.split_once(READY) {
                break port.trim().trim_end_matches('.').to_owned();
            }
        };
        let config = Agent::config_builder().http_status_as_error(false).timeout_global(Some(Duration::from_secs(60)));
        Ok(Self { process, _output: output, agent: config.build().into(), address: format!("http://127.0.0.1:{port}") })
    }

    /// Sends a command, and gives the value of the answer.
    pub fn post(&self, path: &str, body: &Value) -> Result<Value> {
        let answer = self.agent.post(format!("{}{path}", self.address)).send_json(body);
        value(path, answer?.body_mut().with_config().limit(1 << 28).read_json()?)
    }

    pub fn delete(&self, path: &str) -> Result<Value> {
        let answer = self.agent.delete(format!("{}{path}", self.address)).call();
        value(path, answer?.body_mut().read_json()?)
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn value(path: &str, mut answer: Value) -> Result<Value> {
    let value = answer["value"].take();
    if let Some(error) = value["error"].as_str() {
        let message = value["message"].as_str().unwrap_or_default();
        bail!("chromedriver, {path}: {error}: {}", message.lines().next().unwrap_or_default());
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn errors_keep_their_first_line() {
        assert_eq!(value("/url", json!({"value": {"title": "a"}})).unwrap(), json!({"title": "a"}));
        let error = json!({"value": {"error": "invalid argument", "message": "no such thing\n#0 0x55"}});
        assert_eq!(
            value("/url", error).unwrap_err().to_string(),
            "chromedriver, /url: invalid argument: no such thing"
        );
    }
}
