//! What is checked of a page: it is whole, fits the window, asks nothing of a network, and its plots tell their values.

use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::{Value, json};

use super::browser::{Browser, file_url};

/// How a page is looked at.
#[derive(Clone, Copy)]
pub struct View {
    pub name: &'static str,
    pub width: u32,
    pub height: u32,
    pub theme: Theme,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Theme {
    Light,
    Dark,
}

impl Theme {
    fn name(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

/// What was seen.
pub struct Seen {
    url: String,
    theme: Theme,
    page: Page,
    /// What the console says that is severe.
    complaints: Vec<String>,
    requests: Vec<String>,
    tips: Vec<Tip>,
    pub screenshot: Vec<u8>,
}

/// The page by itself.
#[derive(Debug, Deserialize)]
struct Page {
    title: String,
    /// Drawings that take up room.
    drawings: u32,
    /// Pixels by which it is wider than the window.
    overflow: f64,
    /// The brightness of its ground, 0 to 255.
    ground: f64,
    width: f64,
    height: f64,
}

/// What a plot says while the pointer rests on its middle.
#[derive(Debug, Deserialize)]
struct Tip {
    plot: String,
    text: String,
    /// Whether all of it is in the window, from left to right.
    inside: bool,
}

const PAGE: &str = "
    const root = document.documentElement;
    const room = (svg) => { const box = svg.getBoundingClientRect(); return box.width > 0 && box.height > 0; };
    const [red, green, blue] = getComputedStyle(document.body).backgroundColor.match(/[\\d.]+/g).map(Number);
    return {
        title: document.title,
        drawings: [...document.querySelectorAll('svg, img')].filter(room).length,
        overflow: root.scrollWidth - root.clientWidth,
        ground: 0.299 * red + 0.587 * green + 0.114 * blue,
        width: root.clientWidth,
        height: root.scrollHeight,
    };";

/// The middle of each plot that has values to tell, brought into the window one by one.
const PLACE: &str = "
    const plots = [...document.querySelectorAll('.tip')].map((tip) => tip.parentElement.querySelector('svg'))
        .filter((svg) => svg.getBoundingClientRect().width > 0)
        .filter((svg) => (svg.dataset.places ?? svg.dataset.spots) !== '[]');
    const svg = plots[arguments[0]];
    if (!svg) return null;
    svg.scrollIntoView({ block: 'center', inline: 'nearest', behavior: 'instant' });
    const box = svg.getBoundingClientRect();
    const right = Math.min(box.right, document.documentElement.clientWidth);
    return [(box.left + right) / 2, (box.top + box.bottom) / 2];";

const TIP: &str = "
    const [x, y] = arguments;
    const svg = document.elementFromPoint(x, y)?.closest('svg');
    const tip = svg?.parentElement.querySelector('.tip');
    const box = tip?.getBoundingClientRect();
    return {
        plot: (svg?.getAttribute('aria-label') ?? 'something else').slice(0, 60),
        text: tip && !tip.hidden ? tip.textContent : '',
        inside: !!box && box.left >= 0 && box.right <= document.documentElement.clientWidth,
    };";

/// No page is so long; beyond it Chromium's pictures repeat.
const LONGEST: f64 = 16_000.0;

/// Opens a page and gathers all that is judged.
pub fn look(browser: &Browser, page: &Path, view: View) -> Result<Seen> {
    let url = file_url(page);
    browser.set_view(view.width, view.height, view.theme.name())?;
    // What is left of the page before.
    browser.log("browser")?;
    browser.log("performance")?;
    browser.open(&url)?;

    let seen: Page = serde_json::from_value(browser.evaluate(PAGE, &json!([]))?).context("what the page is like")?;
    let mut tips = Vec::new();
    loop {
        let place = browser.evaluate(PLACE, &json!([tips.len()]))?;
        let Some([x, y]) = serde_json::from_value::<Option<[f64; 2]>>(place)? else { break };
        browser.move_pointer(x, y)?;
        tips.push(serde_json::from_value(browser.evaluate(TIP, &json!([x, y]))?).context("a tip")?);
    }
    browser.move_pointer(0.0, 0.0)?;
    browser.evaluate("scrollTo({ top: 0, behavior: 'instant' })", &json!([]))?;
    let screenshot = browser.screenshot(seen.width, seen.height.min(LONGEST))?;
    Ok(Seen {
        url,
        theme: view.theme,
        page: seen,
        complaints: browser.log("browser")?.iter().filter_map(complaint).collect(),
        requests: browser.log("performance")?.iter().filter_map(request).collect(),
        tips,
        screenshot,
    })
}

fn complaint(entry: &Value) -> Option<String> {
    (entry["level"] == "SEVERE").then(|| entry["message"].as_str().unwrap_or_default().to_owned())
}

/// The address that an entry of the performance log asks for.
fn request(entry: &Value) -> Option<String> {
    let message: Value = serde_json::from_str(entry["message"].as_str()?).ok()?;
    let event = &message["message"];
    (event["method"] == "Network.requestWillBeSent")
        .then(|| event["params"]["request"]["url"].as_str().unwrap_or_default().to_owned())
}

impl Seen {
    /// What is wrong, one sentence each.
    pub fn problems(&self) -> Vec<String> {
        let Page { title, drawings, overflow, ground, .. } = &self.page;
        let mut problems = Vec::new();
        let mut expect = |is_so: bool, problem: String| {
            if !is_so {
                problems.push(problem);
            }
        };
        expect(!title.trim().is_empty(), "the page has no title".to_owned());
        expect(*drawings > 0, "there is no drawing (an svg or img that takes up room)".to_owned());
        expect(*overflow <= 0.0, format!("the page is {overflow} pixels wider than the window"));
        let fits = (self.theme == Theme::Light) == (*ground > 127.0);
        expect(fits, format!("the ground has brightness {ground:.0} of 255 under the {} theme", self.theme.name()));
        for complaint in &self.complaints {
            expect(false, format!("the console says: {complaint}"));
        }
        expect(self.requests.contains(&self.url), "the browser's log does not even have the page itself".to_owned());
        for address in self.requests.iter().filter(|address| **address != self.url && !address.starts_with("data:")) {
            expect(false, format!("the page asks for {address}"));
        }
        for Tip { plot, text, inside } in &self.tips {
            expect(!text.trim().is_empty(), format!("a plot says nothing under the pointer: {plot}"));
            expect(*inside, format!("what a plot says under the pointer leaves the window: {plot}"));
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fine() -> Seen {
        let page = Page { title: "A".to_owned(), drawings: 1, overflow: 0.0, ground: 255.0, width: 1.0, height: 1.0 };
        Seen {
            url: "file:///a".to_owned(),
            theme: Theme::Light,
            page,
            complaints: Vec::new(),
            requests: vec!["file:///a".to_owned(), "data:,".to_owned()],
            tips: vec![Tip { plot: "plot".to_owned(), text: "1".to_owned(), inside: true }],
            screenshot: Vec::new(),
        }
    }

    type Spoil = fn(&mut Seen);

    #[test]
    fn every_fault_is_named() {
        assert!(fine().problems().is_empty());
        let faults: [(Spoil, &str); 9] = [
            (|seen| seen.page.title = " ".to_owned(), "no title"),
            (|seen| seen.page.drawings = 0, "no drawing"),
            (|seen| seen.page.overflow = 12.0, "12 pixels wider"),
            (|seen| seen.theme = Theme::Dark, "brightness 255 of 255 under the dark theme"),
            (|seen| seen.complaints.push("Uncaught".to_owned()), "the console says: Uncaught"),
            (|seen| seen.requests.push("https://a.b/c.js".to_owned()), "asks for https://a.b/c.js"),
            (|seen| seen.requests.clear(), "does not even have"),
            (|seen| seen.tips[0].text.clear(), "says nothing under the pointer: plot"),
            (|seen| seen.tips[0].inside = false, "leaves the window: plot"),
        ];
        for (spoil, expected) in faults {
            let mut seen = fine();
            spoil(&mut seen);
            let problems = seen.problems();
            assert!(problems.len() == 1 && problems[0].contains(expected), "{expected}: {problems:?}");
        }
    }

    #[test]
    fn logs_are_read() {
        let sent =
            r#"{"message": {"method": "Network.requestWillBeSent", "params": {"request": {"url": "file:///a"}}}}"#;
        assert_eq!(request(&json!({ "message": sent })).as_deref(), Some("file:///a"));
        assert_eq!(request(&json!({ "message": sent.replace("WillBeSent", "Served") })), None);
        assert_eq!(complaint(&json!({ "level": "SEVERE", "message": "m" })).as_deref(), Some("m"));
        assert_eq!(complaint(&json!({ "level": "INFO", "message": "m" })), None);
    }
}
