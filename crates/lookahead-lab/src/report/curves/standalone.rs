//! All plots of a study as one SVG picture on a light ground, with fixed colours, for a README or a paper.

use maud::{Markup, PreEscaped, html};

use super::{
    super::legend::{Legend, PICTURE_CSS},
    Curve, PanelPlots, Plot,
    panel::{Axes, HEIGHT, WIDTH},
    style::{light_css, swatch},
};

const MARGIN: f64 = 16.0;
const TITLE: f64 = 34.0;
/// The height of a panel's name, where there is one.
const NAME: f64 = 26.0;

/// Draws the plots of each panel side by side under a legend, the panels under each other.
pub(in crate::report) fn standalone(title: &str, panels: &[PanelPlots]) -> String {
    let most = panels.iter().map(|panel| panel.plots.len()).max().unwrap_or(1);
    let width = WIDTH * most as f64 + 2.0 * MARGIN;
    let (mut top, mut rows) = (TITLE, Vec::new());
    for panel in panels {
        let row = Row::new(panel, width);
        rows.push((top, row.markup));
        top += row.height;
    }
    let words: Vec<String> = panels.iter().flat_map(|panel| &panel.plots).map(Plot::in_words).collect();
    picture(
        &format!("{title}. {}", words.join(" ")),
        width,
        top,
        &html! {
            text.heading x=(MARGIN + 4.0) y="26" { (title) }
            @for (top, row) in rows {
                g transform={ "translate(" (MARGIN) "," (top) ")" } { (row) }
            }
        },
    )
}

/// The first plot alone, without a title: a small picture for an index.
pub(in crate::report) fn thumbnail(panels: &[PanelPlots]) -> Option<String> {
    let plot = panels.first()?.plots.first()?;
    Some(picture(&plot.in_words(), WIDTH, HEIGHT, &Axes::new(plot).draw()))
}

fn picture(label: &str, width: f64, height: f64, content: &Markup) -> String {
    let picture = html! {
        svg xmlns="http://www.w3.org/2000/svg" viewBox={ "0 0 " (width) " " (height) } width=(width) height=(height)
            role="img" aria-label=(label) {
            style { (PreEscaped(PICTURE_CSS)) (PreEscaped(light_css())) }
            rect width=(width) height=(height) fill="#ffffff" {}
            (content)
        }
    };
    picture.into_string()
}

/// One panel of the picture.
struct Row {
    markup: Markup,
    height: f64,
}

impl Row {
    fn new(panel: &PanelPlots, width: f64) -> Self {
        let name = if panel.name.is_empty() { 0.0 } else { NAME };
        let curves: &[Curve] = panel.plots.first().map_or(&[], |plot| plot.curves.as_slice());
        let entries = curves.iter().map(|curve| (curve.label.as_str(), swatch(curve.style)));
        let legend = Legend::new(entries, width - 2.0 * MARGIN);
        let top = name + legend.height + 10.0;
        let markup = html! {
            @if !panel.name.is_empty() { text.plot-title x="4" y="18" { (panel.name) } }
            g transform={ "translate(4," (name) ")" } { (legend.entries) }
            @for (index, plot) in panel.plots.iter().enumerate() {
                g transform={ "translate(" (WIDTH * index as f64) "," (top) ")" } { (Axes::new(plot).draw()) }
            }
        };
        Self { markup, height: top + HEIGHT + 8.0 }
    }
}
