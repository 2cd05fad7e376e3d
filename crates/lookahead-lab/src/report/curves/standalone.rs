//! All plots of a study as one SVG picture on a light ground, with fixed colours, for a README or a paper.

use maud::{Markup, PreEscaped, html};

use super::{
    Curve, Plot,
    panel::{HEIGHT, Panel, WIDTH},
    style::{light_css, swatch},
};

const MARGIN: f64 = 16.0;
const LEGEND_ROW: f64 = 24.0;
const TITLE: f64 = 34.0;

const CSS: &str = "text{font-family:system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif;font-size:13px;fill:#1c2430}\
.heading{font-size:17px;font-weight:600}.plot-title{font-size:14px;font-weight:600}.tick{fill:#566170;font-size:12px}\
.grid{stroke:#e4e8ed;fill:none}.mark,.frame{stroke:#8a94a3;fill:none}.band{opacity:.15}\
.line{stroke-width:2.2;stroke-linejoin:round;stroke-linecap:butt}";

/// Draws the plots side by side under one legend.
pub(in crate::report) fn standalone(title: &str, plots: &[Plot]) -> String {
    let width = WIDTH * plots.len() as f64 + 2.0 * MARGIN;
    let curves: &[Curve] = plots.first().map_or(&[], |plot| plot.curves.as_slice());
    let legend = Legend::new(curves, width - 2.0 * MARGIN);
    let top = TITLE + legend.height + 10.0;
    let height = top + HEIGHT + 8.0;
    let words: Vec<String> = plots.iter().map(Plot::in_words).collect();
    let picture = html! {
        svg xmlns="http://www.w3.org/2000/svg" viewBox={ "0 0 " (width) " " (height) } width=(width) height=(height)
            role="img" aria-label={ (title) ". " (words.join(" ")) } {
            style { (PreEscaped(CSS)) (PreEscaped(light_css())) }
            rect width=(width) height=(height) fill="#ffffff" {}
            text.heading x=(MARGIN + 4.0) y="26" { (title) }
            g transform={ "translate(" (MARGIN + 4.0) "," (TITLE) ")" } { (legend.entries) }
            @for (index, plot) in plots.iter().enumerate() {
                g transform={ "translate(" (MARGIN + WIDTH * index as f64) "," (top) ")" } { (Panel::new(plot).draw()) }
            }
        }
    };
    picture.into_string()
}

/// Names of the curves, in as many rows as they need.
struct Legend {
    entries: Markup,
    height: f64,
}

impl Legend {
    fn new(curves: &[Curve], width: f64) -> Self {
        let (mut x, mut y) = (0.0, 0.0);
        let mut places = Vec::new();
        for curve in curves {
            // SVG cannot measure text: 7.8 pixels a character is a generous guess at this size.
            let needed = 40.0 + 7.8 * curve.label.chars().count() as f64 + 22.0;
            if x > 0.0 && x + needed > width {
                x = 0.0;
                y += LEGEND_ROW;
            }
            places.push((x, y, curve));
            x += needed;
        }
        let entries = html! {
            @for (x, y, curve) in places {
                g transform={ "translate(" (x) "," (y) ")" } {
                    g transform="translate(0,6)" { (swatch(curve.style)) }
                    text x="40" y="16" { (curve.label) }
                }
            }
        };
        Self { entries, height: y + LEGEND_ROW }
    }
}
