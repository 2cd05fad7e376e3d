//! All plots of a study as one SVG picture on a light ground, with fixed colours, for a README or a paper.

use maud::{Markup, PreEscaped, html};

use super::{
    super::learning_rates::{self, RatePlot},
    super::legend::{Legend, PICTURE_CSS},
    Curve, PanelPlots, Plot,
    panel::{Axes, HEIGHT},
    style::{light_css, swatch},
};

const MARGIN: f64 = 16.0;
const TITLE: f64 = 34.0;
/// More side by side would be too small to read in a text.
const COLUMNS: usize = 2;
/// From one row of plots to the next.
const ROW: f64 = HEIGHT + 8.0;
/// The height of a panel's name, where there is one.
const NAME: f64 = 26.0;

/// Draws the plots of each panel in two columns under a legend, the panels under each other.
pub(crate) fn standalone(title: &str, panels: &[PanelPlots]) -> String {
    let columns = |panel: &PanelPlots| drawings(panel).count().min(COLUMNS) as f64;
    let widths = panels.iter().map(|panel| columns(panel) * column(panel));
    let width = widths.fold(0.0, f64::max) + 2.0 * MARGIN;
    let (mut top, mut rows) = (TITLE, Vec::new());
    for panel in panels {
        let row = Row::new(panel, width);
        rows.push((top, row.markup));
        top += row.height;
    }
    let of_panel = |panel: &PanelPlots| {
        let words = panel.plots.iter().map(Plot::in_words).chain(panel.rates.iter().map(RatePlot::in_words));
        words.collect::<Vec<_>>()
    };
    let words: Vec<String> = panels.iter().flat_map(of_panel).collect();
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
pub(crate) fn thumbnail(panels: &[PanelPlots]) -> Option<String> {
    let plot = panels.first()?.plots.first()?;
    let axes = Axes::new(plot);
    Some(picture(&plot.in_words(), axes.width, HEIGHT, &axes.draw()))
}

/// The drawings of a panel, each with its width.
fn drawings(panel: &PanelPlots) -> impl Iterator<Item = (f64, Markup)> {
    let curves = panel.plots.iter().map(Axes::new).map(|axes| (axes.width, axes.draw()));
    curves.chain(panel.rates.iter().map(|rates| (learning_rates::WIDTH, rates.draw())))
}

/// The width of a column of a panel's plots.
fn column(panel: &PanelPlots) -> f64 {
    drawings(panel).map(|(width, _)| width).fold(0.0, f64::max)
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
        let drawings: Vec<Markup> = drawings(panel).map(|(_, drawing)| drawing).collect();
        let rows = drawings.len().div_ceil(COLUMNS) as f64;
        let markup = html! {
            @if !panel.name.is_empty() { text.plot-title x="4" y="18" { (panel.name) } }
            g transform={ "translate(4," (name) ")" } { (legend.entries) }
            @for (index, drawing) in drawings.iter().enumerate() {
                @let (x, y) = (column(panel) * (index % COLUMNS) as f64, top + ROW * (index / COLUMNS) as f64);
                g transform={ "translate(" (x) "," (y) ")" } { (drawing) }
            }
        };
        Self { markup, height: top + ROW * rows }
    }
}
