//! A table of numbers with coloured cells, as part of a page and as an SVG picture that stands alone.

use maud::{Markup, PreEscaped, html};

use super::legend::{LINE_HEIGHT, PICTURE_CSS, wrapped};
use super::significant_in_full;
use super::xy::mix;

const CELL_WIDTH: f64 = 74.0;
const CELL_HEIGHT: f64 = 34.0;
const LEFT: f64 = 74.0;
const TOP: f64 = 104.0;
const MARGIN: f64 = 20.0;
const DIGITS: usize = 5;

/// Numbers over two parameters. Small is good, and bright.
#[derive(Debug, Clone)]
pub struct HeatMap {
    /// The heading.
    pub title: String,
    /// The parameter that changes from row to row, and its values.
    pub rows: (String, Vec<String>),
    /// The parameter that changes from column to column, and its values.
    pub columns: (String, Vec<String>),
    /// The numbers, row by row; none where there is no finite one.
    pub cells: Vec<Vec<Option<f64>>>,
    /// What no number falls below: colours measure the distance from it, on a log scale.
    pub floor: f64,
}

impl HeatMap {
    /// Where the smallest number stands, the first of equals.
    #[must_use]
    pub fn best(&self) -> Option<(usize, usize)> {
        let cells = self.cells.iter().enumerate().flat_map(|(row, cells)| {
            cells.iter().enumerate().filter_map(move |(column, cell)| Some((row, column, (*cell)?)))
        });
        cells.min_by(|a, b| a.2.total_cmp(&b.2)).map(|(row, column, _)| (row, column))
    }

    /// The map as an HTML table.
    pub(super) fn table(&self) -> Markup {
        let (best, range) = (self.best(), self.range());
        html! {
            div.wide tabindex="0" role="region" aria-label=(self.title) {
                table.heat {
                    thead { tr {
                        th scope="col" { (self.rows.0) " ↓  " (self.columns.0) " →" }
                        @for name in &self.columns.1 { th scope="col" { (name) } }
                    } }
                    tbody {
                        @for (row, (name, cells)) in self.rows.1.iter().zip(&self.cells).enumerate() {
                            tr {
                                th scope="row" { (name) }
                                @for (column, &cell) in cells.iter().enumerate() {
                                    @let (ground, ink) = self.colours(cell, range);
                                    td class=[(best == Some((row, column))).then_some("best")]
                                        style={ "background:" (ground) ";color:" (ink) } { (text(cell)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    /// The map as an SVG picture.
    #[must_use]
    pub fn standalone(&self, caption: &str) -> String {
        let width = (LEFT + CELL_WIDTH * self.columns.1.len() as f64 + 2.0 * MARGIN).max(520.0);
        let bottom = TOP + CELL_HEIGHT * self.rows.1.len() as f64;
        let caption = wrapped(caption, width - 2.0 * MARGIN);
        let height = bottom + 30.0 + LINE_HEIGHT * caption.len() as f64;
        let (best, range) = (self.best(), self.range());
        let x = |column: usize| MARGIN + LEFT + CELL_WIDTH * column as f64;
        let y = |row: usize| TOP + CELL_HEIGHT * row as f64;
        let picture = html! {
            svg xmlns="http://www.w3.org/2000/svg" viewBox={ "0 0 " (width) " " (height) } width=(width) height=(height)
                role="img" aria-label=(self.title) {
                style { (PreEscaped(PICTURE_CSS)) }
                rect width=(width) height=(height) fill="#ffffff" {}
                text.heading x=(MARGIN) y="30" { (self.title) }
                text.tick x=(MARGIN + LEFT) y=(TOP - 32.0) { (self.columns.0) }
                text.tick x=(MARGIN) y=(TOP - 10.0) { (self.rows.0) }
                @for (column, name) in self.columns.1.iter().enumerate() {
                    text x=(x(column) + 0.5 * CELL_WIDTH) y=(TOP - 10.0) text-anchor="middle" { (name) }
                }
                @for (row, (name, cells)) in self.rows.1.iter().zip(&self.cells).enumerate() {
                    text x=(MARGIN + LEFT - 12.0) y=(y(row) + 22.0) text-anchor="end" { (name) }
                    @for (column, &cell) in cells.iter().enumerate() {
                        @let (ground, ink) = self.colours(cell, range);
                        @let is_best = best == Some((row, column));
                        rect x=(x(column)) y=(y(row)) width=(CELL_WIDTH - 2.0) height=(CELL_HEIGHT - 2.0) rx="3"
                            fill=(ground) stroke=[is_best.then_some("#1c2430")] stroke-width=[is_best.then_some("2.5")] {}
                        text x=(x(column) + 0.5 * CELL_WIDTH - 1.0) y=(y(row) + 21.0) text-anchor="middle"
                            style={ "fill:" (ink) "" @if is_best { ";font-weight:700" } } { (text(cell)) }
                    }
                }
                @for (index, line) in caption.iter().enumerate() {
                    text.tick x=(MARGIN) y=(bottom + 26.0 + LINE_HEIGHT * index as f64) { (line) }
                }
            }
        };
        picture.into_string()
    }

    /// The logarithm of a number's distance from the floor.
    fn distance(&self, value: f64) -> f64 {
        (value - self.floor).max(f64::MIN_POSITIVE).ln()
    }

    /// The smallest and the largest of these.
    fn range(&self) -> [f64; 2] {
        let distances = || self.cells.iter().flatten().flatten().map(|&value| self.distance(value));
        [distances().fold(f64::INFINITY, f64::min), distances().fold(f64::NEG_INFINITY, f64::max)]
    }

    /// The ground of a cell and the text on it.
    fn colours(&self, cell: Option<f64>, [low, high]: [f64; 2]) -> (String, &'static str) {
        let Some(value) = cell else { return ("#8a94a3".to_owned(), "#10151c") };
        mix(if high > low { (high - self.distance(value)) / (high - low) } else { 1.0 })
    }
}

/// A number as the map writes it, or that there is none.
#[must_use]
pub fn text(cell: Option<f64>) -> String {
    cell.map_or_else(|| "diverges".to_owned(), |value| significant_in_full(value, DIGITS))
}
