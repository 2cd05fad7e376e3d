//! A drawing on the page whose points tell their values under the pointer.

use maud::{Markup, PreEscaped, html};
use serde_json::json;

use super::round;

const STYLE: &str = include_str!("spots.css");
const SCRIPT: &str = include_str!("spots.js");

/// A place of a drawing that has something to say.
pub(crate) struct Spot {
    /// Where it is, in the drawing's coordinates.
    pub(crate) at: [f64; 2],
    /// What it says; the first line is its name.
    pub(crate) lines: Vec<String>,
    /// Whether it comes before nearer ones that do not, once the pointer is close: a mark on a surface.
    pub(crate) rank: Rank,
}

/// Which spots come first.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rank {
    /// Something drawn.
    Mark,
    /// The ground around it.
    Ground,
}

impl Spot {
    /// A spot at something drawn.
    pub(crate) fn mark(at: [f64; 2], lines: Vec<String>) -> Self {
        Self { at, lines, rank: Rank::Mark }
    }

    /// A spot of the ground.
    pub(crate) fn ground(at: [f64; 2], lines: Vec<String>) -> Self {
        Self { at, lines, rank: Rank::Ground }
    }
}

/// A drawing of `width` x `height` for the page, with its spots; `words` say it to those who do not see it.
pub(crate) fn drawing(drawn: &Markup, [width, height]: [f64; 2], spots: &[Spot], words: &str) -> Markup {
    let list: Vec<_> = spots
        .iter()
        .map(|spot| json!([round(spot.at[0]), round(spot.at[1]), spot.lines, u8::from(spot.rank == Rank::Mark)]))
        .collect();
    html! {
        figure.drawing {
            svg viewBox={ "0 0 " (width) " " (height) } role="img" aria-label=(words) data-width=(width)
                data-spots=(json!(list)) {
                (drawn)
                circle class="ring" r="9" {}
            }
            div.tip hidden {}
        }
    }
}

/// The style and the script of drawings, once for a page that has some.
pub(crate) fn machinery() -> Markup {
    html! {
        svg width="0" height="0" class="style-only" aria-hidden="true" { style { (PreEscaped(STYLE)) } }
        script { (PreEscaped(SCRIPT)) }
    }
}

/// What the marks of a drawing mean: samples and names.
pub(crate) fn key(entries: &[(&str, Markup)]) -> Markup {
    html! { ul.key { @for (name, sample) in entries { li { (sample) span { (name) } } } } }
}
