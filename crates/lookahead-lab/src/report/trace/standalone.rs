//! Traces as one SVG picture on a light ground: the first large, the others below it.

use maud::{Markup, PreEscaped, html};

use super::super::format::Quantity;
use super::super::legend::{LINE_HEIGHT, Legend, PICTURE_CSS, wrapped};
use super::Traces;
use super::panel::{LARGE, LIGHT_CSS, Panel, SMALL, samples};

const MARGIN: f64 = 20.0;
const TITLE: f64 = 36.0;
/// The space between small panels.
const GAP: f64 = 16.0;

impl Traces {
    /// Draws all of them, with a legend and the changes in words.
    pub(in crate::report) fn standalone(&self, title: &str) -> String {
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
        let Some(changes) = self.changes() else { return "No cycle is complete yet.".to_owned() };
        let [inner, outer] = [changes.inner, changes.outer].map(|change| Quantity::Accuracy.paired(Some(change)));
        format!(
            "Mean change of the test accuracy over {} cycles, in points, with its 95 % confidence interval: {inner} over an \
             inner loop, {outer} at the interpolation.",
            changes.inner.n
        )
    }
}
