//! One headless Chromium: what the checks ask of it.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::driver::Driver;
use super::picture::from_base64;

pub struct Browser {
    driver: Driver,
    session: String,
}

impl Browser {
    pub fn start() -> Result<Self> {
        let driver = Driver::start()?;
        // The pages are our own; without a sandbox the browser also starts for the superuser of a container.
        let arguments =
            ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"];
        let capabilities = json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": { "args": arguments },
            "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
        } } });
        let session = driver.post("/session", &capabilities).context("cannot start Chromium")?;
        let id = session["sessionId"].as_str().context("chromedriver gave no session")?;
        Ok(Self { session: format!("/session/{id}"), driver })
    }

    pub fn open(&self, url: &str) -> Result<()> {
        self.send("/url", &json!({ "url": url })).map(|_| ())
    }

    /// The value that a function body returns in the page; `arguments` are the array's items.
    pub fn evaluate(&self, script: &str, arguments: &Value) -> Result<Value> {
        self.send("/execute/sync", &json!({ "script": script, "args": arguments }))
    }

    /// The entries of a log since it was last read: `browser` is the console, `performance` has the requests.
    pub fn log(&self, kind: &str) -> Result<Vec<Value>> {
        let entries = self.send("/se/log", &json!({ "type": kind }))?;
        Ok(entries.as_array().cloned().unwrap_or_default())
    }

    /// A window of this size, whose user prefers this theme.
    pub fn set_view(&self, width: u32, height: u32, theme: &str) -> Result<()> {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.command("Emulation.setDeviceMetricsOverride", &size)?;
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": theme }] });
        self.command("Emulation.setEmulatedMedia", &features).map(|_| ())
    }

    pub fn move_pointer(&self, x: f64, y: f64) -> Result<()> {
        self.command("Input.dispatchMouseEvent", &json!({ "type": "mouseMoved", "x": x, "y": y })).map(|_| ())
    }

    /// The whole page as a PNG, also what lies below the window.
    pub fn screenshot(&self, width: f64, height: f64) -> Result<Vec<u8>> {
        let clip = json!({ "x": 0, "y": 0, "width": width, "height": height, "scale": 1 });
        let options = json!({ "format": "png", "captureBeyondViewport": true, "clip": clip });
        let answer = self.command("Page.captureScreenshot", &options)?;
        from_base64(answer["data"].as_str().context("no screenshot")?)
    }

    /// A command of the Chrome DevTools Protocol.
    fn command(&self, name: &str, parameters: &Value) -> Result<Value> {
        self.send("/goog/cdp/execute", &json!({ "cmd": name, "params": parameters })).with_context(|| name.to_owned())
    }

    fn send(&self, path: &str, body: &Value) -> Result<Value> {
        self.driver.post(&format!("{}{path}", self.session), body)
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The driver's end would leave Chromium behind.
        let _ = self.driver.delete(&self.session);
    }
}

/// The address of a file: everything but plain letters is escaped.
pub fn file_url(path: &Path) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/-_.~".contains(byte);
    let escaped = |byte: u8| if plain(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    format!("file://{}", path.to_string_lossy().bytes().map(escaped).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_escaped() {
        assert_eq!(file_url(Path::new("/a b/α#1/report.html")), "file:///a%20b/%CE%B1%231/report.html");
    }
}
