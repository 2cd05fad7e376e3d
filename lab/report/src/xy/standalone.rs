//! Plots as one SVG picture on a light ground, with a legend and a caption, for a README or a paper.

use maud::{Markup, PreEscaped, html};

use super::super::legend::{LINE_HEIGHT, Legend, PICTURE_CSS, wrapped};
use super::colour::light_css;
use super::panel::{HEIGHT, Panel, WIDTH};
use super::{XyPlot, legend};
use crate::curves::line_sample;

const MARGIN: f64 = 16.0;
const TITLE: f64 = 34.0;
/// The space between plots side by side.
const GAP: f64 = 14.0;

/// Draws the plots side by side under one legend and over a caption.
pub(crate) fn standalone(title: &str, caption: &str, plots: &[XyPlot]) -> String {
    let width = (WIDTH + GAP) * plots.len() as f64 - GAP + 2.0 * MARGIN;
    let entries = legend(plots);
    let samples = entries
        .iter()
        .enumerate()
        .map(|(index, entry)| (entry.label, line_sample(&format!("tone-{index}"), entry.stroke.dash())));
    let legend = Legend::new(samples, width - 2.0 * MARGIN);
    let caption = wrapped(caption, width - 2.0 * MARGIN - 8.0);
    let top = TITLE + legend.height + 8.0;
    let height = top + HEIGHT + 14.0 + LINE_HEIGHT * caption.len() as f64;
    let panels: Vec<Panel<'_>> = plots.iter().map(Panel::still).collect();
    let words: Vec<String> = panels.iter().map(Panel::in_words).collect();
    let drawn: Vec<Markup> =
        panels.iter().enumerate().map(|(index, panel)| panel.draw(&entries, &format!("plot-{index}"))).collect();
    let picture = html! {
        svg xmlns="http://www.w3.org/2000/svg" viewBox={ "0 0 " (width) " " (height) } width=(width) height=(height)
            role="img" aria-label={ (title) ". " (words.join(" ")) } {
            style { (PreEscaped(PICTURE_CSS)) (PreEscaped(light_css(&entries))) }
            rect width=(width) height=(height) fill="#ffffff" {}
            text.heading x=(MARGIN + 4.0) y="26" { (title) }
            g transform={ "translate(" (MARGIN + 4.0) "," (TITLE) ")" } { (legend.entries) }
            @for (index, panel) in drawn.iter().enumerate() {
                g transform={ "translate(" (MARGIN + (WIDTH + GAP) * index as f64) "," (top) ")" } { (panel) }
            }
            @for (index, line) in caption.iter().enumerate() {
                text.tick x=(MARGIN + 4.0) y=(top + HEIGHT + 14.0 + LINE_HEIGHT * index as f64) { (line) }
            }
        }
    };
    picture.into_string()
}
