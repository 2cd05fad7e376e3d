//! The report of an analysis: what the paper says of a figure, what we compute, and whether it holds.
//!
//! Writes `result.json`, the data as CSV, the pictures as SVG, and `report.html`.

mod finding;
mod page;
mod paper;
mod table;

pub use finding::{Finding, Outcome};
pub use paper::{Axes, PaperClaim, PaperFigure, Parameter};

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;
use serde_json::{Map, Value};

use super::heat_map::HeatMap;
use super::xy::{self, XyPlot};
use super::{ReportError, write_file};
use lookahead_runs::files::write_sealed;

/// A figure of the paper's analyses, computed.
#[derive(Debug, Clone)]
pub struct Analysis {
    /// The artifact's name, such as `fig03_noisy_quadratic`.
    pub artifact: String,
    /// The scale it was computed at.
    pub scale: String,
    /// The exact command.
    pub command: String,
    /// What the paper says.
    pub paper: PaperFigure,
    /// Every parameter.
    pub config: Value,
    /// What we find about each claim.
    pub findings: Vec<Finding>,
    /// Further numbers of `result.json`.
    pub numbers: Map<String, Value>,
    /// The pictures; the first is the paper's figure.
    pub pictures: Vec<Picture>,
    /// Numbers over two parameters.
    pub maps: Vec<MapPicture>,
    /// The data.
    pub data: Vec<DataFile>,
    /// Deviations and remarks, one sentence each.
    pub notes: Vec<String>,
    /// What it took to compute, in seconds.
    pub seconds: f64,
    /// Revision, processor, threads.
    pub environment: BTreeMap<String, Value>,
}

/// One SVG file: plots under one legend.
#[derive(Debug, Clone)]
pub struct Picture {
    /// The name of the file.
    pub file: &'static str,
    /// The heading.
    pub title: String,
    /// The text under it.
    pub caption: String,
    /// The plots, side by side.
    pub plots: Vec<XyPlot>,
}

/// One SVG file of a heat map, which is a table on the page.
#[derive(Debug, Clone)]
pub struct MapPicture {
    /// The name of the file.
    pub file: String,
    /// The text under it.
    pub caption: String,
    /// The map.
    pub map: HeatMap,
}

/// One CSV file.
#[derive(Debug, Clone)]
pub struct DataFile {
    /// The name of the file.
    pub file: &'static str,
    /// What its rows are.
    pub holds: &'static str,
    /// Its text.
    pub text: String,
}

/// The content of `result.json`, in this order.
#[derive(Serialize)]
struct Record<'a> {
    artifact: &'a str,
    figure: &'a str,
    title: &'a str,
    scale: &'a str,
    command: &'a str,
    claims: &'a [Finding],
    #[serde(flatten)]
    numbers: &'a Map<String, Value>,
    config: &'a Value,
    notes: &'a [String],
    seconds: f64,
    environment: &'a BTreeMap<String, Value>,
}

impl Analysis {
    /// The names of all files of the report.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        let data = self.data.iter().map(|data| data.file);
        let pictures = self.pictures.iter().map(|picture| picture.file);
        let maps = self.maps.iter().map(|map| map.file.as_str());
        data.chain(pictures).chain(maps).chain(["report.html", "result.json"])
    }

    /// Writes all files of the report into a folder that exists. Each is replaced whole or not at all.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn write(&self, folder: &Path) -> Result<(), ReportError> {
        for data in &self.data {
            write_file(&folder.join(data.file), &data.text)?;
        }
        for picture in &self.pictures {
            let Picture { file, title, caption, plots } = picture;
            write_file(&folder.join(file), &xy::standalone(title, caption, plots))?;
        }
        for MapPicture { file, caption, map } in &self.maps {
            write_file(&folder.join(file), &map.standalone(caption))?;
        }
        write_file(&folder.join("report.html"), &page::page(self))?;
        Ok(write_sealed(&folder.join("result.json"), &self.record())?)
    }

    /// What `result.json` says, as JSON.
    #[must_use]
    pub fn json(&self) -> String {
        // Strings, numbers and maps with string keys: nothing that JSON cannot say.
        serde_json::to_string_pretty(&self.record()).unwrap_or_default()
    }

    fn record(&self) -> Record<'_> {
        Record {
            artifact: &self.artifact,
            figure: &self.paper.figure,
            title: &self.paper.title,
            scale: &self.scale,
            command: &self.command,
            claims: &self.findings,
            numbers: &self.numbers,
            config: &self.config,
            notes: &self.notes,
            seconds: self.seconds,
            environment: &self.environment,
        }
    }
}

/// Rows of a CSV file (RFC 4180): the header, then numbers that read back to the same bits. An empty cell is no number.
///
/// A text stands in it as it is. One that begins with `=` is no formula here: other programs that read the file get the
/// very label; a spreadsheet is told to import such a column as text.
#[derive(Debug)]
pub struct Csv(String);

impl Csv {
    /// A file with these columns.
    #[must_use]
    pub fn new(header: &[&str]) -> Self {
        Self(header.join(",") + "\n")
    }

    /// Adds a row.
    pub fn row(&mut self, cells: &[Cell<'_>]) {
        let text = |cell: &Cell<'_>| match cell {
            Cell::Text(text) if text.contains([',', '"', '\n', '\r']) => format!("\"{}\"", text.replace('"', "\"\"")),
            Cell::Text(text) => (*text).to_owned(),
            Cell::Whole(number) => number.to_string(),
            // Debug writes small and large numbers with an exponent.
            Cell::Number(number) => format!("{number:?}"),
            Cell::Empty => String::new(),
        };
        self.0.push_str(&cells.iter().map(text).collect::<Vec<_>>().join(","));
        self.0.push('\n');
    }

    /// The text.
    #[must_use]
    pub fn into_text(self) -> String {
        self.0
    }
}

/// A cell of a CSV file.
#[derive(Debug, Clone, Copy)]
pub enum Cell<'a> {
    /// A text, put in quotes where it needs them.
    Text(&'a str),
    /// A whole number.
    Whole(u64),
    /// A number.
    Number(f64),
    /// None.
    Empty,
}
