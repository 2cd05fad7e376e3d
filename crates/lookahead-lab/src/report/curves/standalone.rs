//! All plots of a study as one SVG picture on a light ground, with fixed colours, for a README or a paper.

use maud::{PreEscaped, html};

use super::{
    super::legend::{Legend, PICTURE_CSS},
    Curve, Plot,
    panel::{HEIGHT, Panel, WIDTH},
    style::{light_css, swatch},
};

const MARGIN: f64 = 16.0;
const TITLE: f64 = 34.0;

/// Draws the plots side by side under one legend.
pub(in crate::report) fn standalone(title: &str, plots: &[Plot]) -> String {
    let width = WIDTH * plots.len() as f64 + 2.0 * MARGIN;
    let curves: &[Curve] = plots.first().map_or(&[], |plot| plot.curves.as_slice());
    let legend =
        Legend::new(curves.iter().map(|curve| (curve.label.as_str(), swatch(curve.style))), width - 2.0 * MARGIN);
    let top = TITLE + legend.height + 10.0;
    let height = top + HEIGHT + 8.0;
    let words: Vec<String> = plots.iter().map(Plot::in_words).collect();
    let picture = html! {
        svg xmlns="http://www.w3.org/2000/svg" viewBox={ "0 0 " (width) " " (height) } width=(width) height=(height)
            role="img" aria-label={ (title) ". " (words.join(" ")) } {
            style { (PreEscaped(PICTURE_CSS)) (PreEscaped(light_css())) }
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
