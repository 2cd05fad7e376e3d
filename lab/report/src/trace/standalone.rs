//! Traces as one SVG picture on a light ground: the first large, the others below it.

use maud::{Markup, PreEscaped, html};

use super::super::Quantity;
use super::super::legend::{LINE_HEIGHT, Legend, PICTURE_CSS, wrapped};
use super::panel::{LARGE, LIGHT_CSS, Panel, SMALL, samples};
use lookahead_runs::Changes;

use super::Traces;
use lookahead_runs::statistics::Spread;

const MARGIN: f64 = 20.0;
const TITLE: f64 = 36.0;
/// The space between small panels.
const GAP: f64 = 16.0;

impl Traces {
    /// Draws all of them, with a legend and the changes in words.
    pub(crate) fn standalone(&self, title: &str) -> String {
        let others = &self.0[1.min(self.0.len())..];
        let columns = others.len().min(2);
        let inner = LARGE.width.max((SMALL.width + GAP) * columns as f64 - GAP);
        let width = inner + 2.0 * MARGIN;
        let legend = Legend::new(samples().into_iter(), inner);
        let caption = wrapped(&self.caption(), inner);
        let top = TITLE + legend.height + 10.0;
        let row_height = SMALL.height + GAP;
        let bottom = top + LARGE.height + GAP + row_height * others.len().div_ceil(2) as f64;
        let height = bottom + 10.0 + LINE_HEIGHT * caption.len() as f64;
        let words: Vec<String> = self.0.iter().map(|trace| Panel::new(trace, LARGE, self.range()).in_words()).collect();
        let placed =
            |markup: Markup, x: f64, y: f64| html! { g transform={ "translate(" (x) "," (y) ")" } { (markup) } };
        let picture = html! {
            svg xmlns="http://www.w3.org/2000/svg" viewBox={ "0 0 " (width) " " (height) } width=(width) height=(height)
                role="img" aria-label={ (title) ". " (words.join(" ")) } {
                style { (PreEscaped(PICTURE_CSS)) (PreEscaped(LIGHT_CSS)) }
                rect width=(width) height=(height) fill="#ffffff" {}
                text.heading x=(MARGIN) y="27" { (title) }
                (placed(legend.entries, MARGIN, TITLE))
                @for trace in self.0.iter().take(1) { (placed(Panel::new(trace, LARGE, self.range()).draw(), MARGIN, top)) }
                @for (index, trace) in others.iter().enumerate() {
                    @let x = MARGIN + (SMALL.width + GAP) * (index % 2) as f64;
                    @let y = top + LARGE.height + GAP + row_height * (index / 2) as f64;
                    (placed(Panel::new(trace, SMALL, self.range()).draw(), x, y))
                }
                @for (index, line) in caption.iter().enumerate() {
                    text.tick x=(MARGIN) y=(bottom + 10.0 + LINE_HEIGHT * index as f64) { (line) }
                }
            }
        };
        picture.into_string()
    }

    fn caption(&self) -> String {
        let changes: Vec<Changes> = self.0.iter().filter_map(|trace| Changes::of(&trace.rows)).collect();
        let Some(cycles) = changes.iter().map(|changes| changes.cycles).max() else {
            return "No cycle is complete yet.".to_owned();
        };
        let over_runs = |change: fn(&Changes) -> f64| {
            Quantity::Accuracy.spread(Spread::of(&changes.iter().map(change).collect::<Vec<_>>()))
        };
        format!(
            "Change of the test accuracy in points, the mean of up to {cycles} cycles of each run, mean ± deviation over runs \
             ({}): {} over an inner loop, {} at the interpolation.",
            changes.len(),
            over_runs(|changes| changes.inner),
            over_runs(|changes| changes.outer),
        )
    }
}
