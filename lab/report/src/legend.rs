//! What pictures that stand alone share: their style, the legend over the plots, lines of text under them.

use maud::{Markup, html};

/// The style of a picture on a light ground, but for the colours of its curves.
pub(super) const PICTURE_CSS: &str = "text{font-family:system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif;font-size:13px;fill:#1c2430}\
.heading,.plot-title{font-weight:600}.tick{fill:#566170}\
.grid{stroke:#e4e8ed;fill:none}.mark,.frame{stroke:#8a94a3;fill:none}.band{opacity:.15}.crowded .band{opacity:.08}\
.line{stroke-width:2.2;stroke-linejoin:round;stroke-linecap:butt}.leader{stroke-width:.8}.level{stroke:#1c2430;stroke-width:1.8}\
.on-plot{font-weight:600;stroke:#fff;stroke-width:3px;paint-order:stroke}";

/// From one line of a caption to the next.
pub(super) const LINE_HEIGHT: f64 = 18.0;

const ROW: f64 = 24.0;
/// SVG cannot measure text: a generous guess at the pixels of a character of a name, and of one within a line.
const CHARACTER: f64 = 7.8;
const CHARACTER_OF_A_LINE: f64 = 7.0;

/// Names of the curves, in as many rows as they need.
pub(super) struct Legend {
    pub(super) entries: Markup,
    pub(super) height: f64,
}

impl Legend {
    /// Lays out names, each with its sample of a line.
    pub(super) fn new<'a>(curves: impl Iterator<Item = (&'a str, Markup)>, width: f64) -> Self {
        let (mut x, mut y) = (0.0, 0.0);
        let mut places = Vec::new();
        for (label, sample) in curves {
            let needed = 40.0 + CHARACTER * label.chars().count() as f64 + 22.0;
            if x > 0.0 && x + needed > width {
                x = 0.0;
                y += ROW;
            }
            places.push((x, y, label, sample));
            x += needed;
        }
        let entries = html! {
            @for (x, y, label, sample) in places {
                g transform={ "translate(" (x) "," (y) ")" } {
                    g transform="translate(0,6)" { (sample) }
                    text x="40" y="16" { (label) }
                }
            }
        };
        Self { entries, height: y + ROW }
    }
}

/// A text in lines of so many pixels.
pub(super) fn wrapped(text: &str, width: f64) -> Vec<String> {
    let most = (width / CHARACTER_OF_A_LINE) as usize;
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= most => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
