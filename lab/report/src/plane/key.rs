//! What the marks of the plane look like, and what they mean.

use maud::{Markup, html};

pub(super) const FAST: &str = "#0b57a4";
pub(super) const SLOW: &str = "#7a22b8";
/// What goes another way from the same weights.
const BESIDE: &str = "#2f6b1f";
/// Under lines and marks, so that they show on any colour.
pub(super) const HALO: &str = "#fffdf5";
pub(super) const INK: &str = "#1c2430";

/// From the lowest accuracy to the highest, at equal distances: pale where the paths run.
const RAMP: [[f64; 3]; 5] =
    [[194.0, 85.0, 45.0], [224.0, 132.0, 66.0], [241.0, 176.0, 105.0], [248.0, 214.0, 158.0], [254.0, 245.0, 222.0]];

/// The colour at a place from 0 to 1.
pub(super) fn colour(place: f64) -> String {
    let last = RAMP.len() - 1;
    let place = place.clamp(0.0, 1.0) * last as f64;
    let below = (place.floor() as usize).min(last - 1);
    let part = place - below as f64;
    let mixed = |channel: usize| {
        let [from, to] = [RAMP[below][channel], RAMP[below + 1][channel]];
        (from + part * (to - from)).round() as u8
    };
    format!("#{:02x}{:02x}{:02x}", mixed(0), mixed(1), mixed(2))
}

/// Whether a mark is filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fill {
    /// On the plane.
    Solid,
    /// Off the plane: only its projection is here.
    Hollow,
}

/// Fast weights.
pub(super) fn disc([x, y]: [f64; 2], fill: Fill) -> Markup {
    html! {
        circle cx=(x) cy=(y) r="3.8" fill=(if fill == Fill::Solid { FAST } else { HALO }) stroke=(FAST) stroke-width="1.5" {}
    }
}

/// Slow weights.
pub(super) fn diamond([x, y]: [f64; 2], fill: Fill) -> Markup {
    html! {
        path d={ "M" (x) " " (y) "m0 -6.5l6.5 6.5l-6.5 6.5l-6.5 -6.5Z" } fill=(if fill == Fill::Solid { SLOW } else { HALO })
            stroke=(SLOW) stroke-width="1.5" {}
    }
}

/// Weights of the path beside.
pub(super) fn square([x, y]: [f64; 2], fill: Fill) -> Markup {
    html! {
        path d={ "M" (x) " " (y) "m-3.2 -3.2h6.4v6.4h-6.4Z" } fill=(if fill == Fill::Solid { BESIDE } else { HALO })
            stroke=(BESIDE) stroke-width="1.5" {}
    }
}

/// Around fast weights that define the plane.
pub(super) fn anchor([x, y]: [f64; 2]) -> Markup {
    html! { circle cx=(x) cy=(y) r="7.5" fill="none" stroke=(INK) stroke-width="1.5" {} }
}

/// The path of the fast weights.
pub(super) fn fast_line(path: &str) -> Markup {
    html! {
        path d=(path) fill="none" stroke=(HALO) stroke-width="3.6" stroke-opacity="0.7" stroke-linejoin="round" {}
        path d=(path) fill="none" stroke=(FAST) stroke-width="1.7" stroke-dasharray="5 3" stroke-linejoin="round" {}
    }
}

/// The path of the slow weights.
pub(super) fn slow_line(path: &str) -> Markup {
    html! {
        path d=(path) fill="none" stroke=(HALO) stroke-width="4.6" stroke-opacity="0.7" stroke-linejoin="round" {}
        path d=(path) fill="none" stroke=(SLOW) stroke-width="2.6" stroke-linejoin="round" {}
    }
}

/// The path beside.
pub(super) fn beside_line(path: &str) -> Markup {
    html! {
        path d=(path) fill="none" stroke=(HALO) stroke-width="3.6" stroke-opacity="0.7" stroke-linejoin="round" {}
        path d=(path) fill="none" stroke=(BESIDE) stroke-width="1.7" stroke-dasharray="1.5 2.5" stroke-linejoin="round" {}
    }
}

/// Every kind of mark on its own ground, with its name; `beside` is that of the path beside, if there is one.
pub(super) fn samples(beside: Option<&str>) -> Vec<(&str, Markup)> {
    let sample = |drawn: Markup| {
        html! {
            svg width="34" height="16" viewBox="0 0 34 16" aria-hidden="true" {
                rect width="34" height="16" rx="3" fill=(colour(0.9)) {}
                (drawn)
            }
        }
    };
    let beside =
        beside.map(|label| (label, sample(html! { (beside_line("M2 8H32")) (square([17.0, 8.0], Fill::Solid)) })));
    let kinds = [
        ("fast weights", sample(html! { (fast_line("M2 8H32")) (disc([17.0, 8.0], Fill::Solid)) })),
        ("slow weights", sample(html! { (slow_line("M2 8H32")) (diamond([17.0, 8.0], Fill::Solid)) })),
        ("off the plane", sample(html! { (disc([9.0, 8.0], Fill::Hollow)) (diamond([24.0, 8.0], Fill::Hollow)) })),
        ("defines the plane", sample(html! { (disc([17.0, 8.0], Fill::Solid)) (anchor([17.0, 8.0])) })),
    ];
    kinds.into_iter().chain(beside).collect()
}
