//! Colour and dash of each curve: one hue for an optimizer and its Lookahead, and no two curves that look alike.

use std::fmt::Write as _;

use maud::{Markup, html};

use super::super::Group;

/// Navy, amber, teal, violet, brown, sky blue, ink: found by a search for hues that stay apart for each kind of colour
/// blindness (the test below).
const LIGHT: [&str; 7] = ["#00408a", "#cf8913", "#047b80", "#a247ed", "#9d5600", "#4aa0c9", "#1c2430"];
/// Indigo, yellow, green, lilac, olive, pale blue, white: the same on a dark ground.
const DARK: [&str; 7] = ["#7d59ff", "#ffcc27", "#4cc7a6", "#ab97ff", "#a99108", "#a4d0ff", "#f4f4f4"];

/// The dashes of baselines.
const OF_BASELINES: [&str; 2] = ["6 4", "2 3"];
/// The dashes of what is no part of a pair.
const OF_OTHERS: [&str; 4] = ["12 3", "9 3 2 3", "3 2", "9 3 2 3 2 3"];
/// The dashes of Lookaheads once the hues come again.
const OF_LATE_PAIRS: &str = "18 4";

/// How a curve looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Style {
    hue: usize,
    dash: Option<&'static str>,
}

impl Style {
    /// The class that sets the curve's colour.
    pub(crate) fn class(self) -> String {
        format!("hue-{}", self.hue)
    }

    /// The dash pattern as an SVG attribute; `None` for a solid line.
    pub(crate) fn dash(self) -> Option<&'static str> {
        self.dash
    }
}

/// Gives each group of a panel its style. A baseline is dashed; the first Lookahead around it is solid, in the same hue.
/// All others have a hue and dashes of their own; where there is no such pair, the first of them is solid.
pub(super) fn styles(groups: &[&Group]) -> Vec<Style> {
    let is_lookahead = |group: &Group| group.baseline.is_some() && group.label.contains("Lookahead");
    let is_baseline = |label: &str| groups.iter().any(|group| group.baseline.as_deref() == Some(label));
    let partner =
        |label: &str| groups.iter().position(|group| is_lookahead(group) && group.baseline.as_deref() == Some(label));
    // The pair that a group belongs to, by the place of its baseline.
    let pair = |index: usize, group: &Group| match group.baseline.as_deref() {
        Some(label) if partner(label) == Some(index) => groups.iter().position(|other| other.label == label),
        _ => partner(&group.label).map(|_| index),
    };
    let has_pairs = groups.iter().enumerate().any(|(index, group)| pair(index, group).is_some());
    // Solid, then the dashes; beside pairs the dashes alone.
    let mut others = [None].into_iter().chain(OF_OTHERS.map(Some)).cycle().filter(|dash| !has_pairs || dash.is_some());
    let mut hues: Vec<usize> = Vec::new();
    let style = |(index, group): (usize, &&Group)| {
        let pair = pair(index, group);
        let first = pair.unwrap_or(index);
        let hue = hues.iter().position(|&known| known == first).unwrap_or_else(|| {
            hues.push(first);
            hues.len() - 1
        });
        let dash = match pair {
            _ if is_baseline(&group.label) => Some(OF_BASELINES[hue % OF_BASELINES.len()]),
            Some(_) if hue < LIGHT.len() => None,
            Some(_) => Some(OF_LATE_PAIRS),
            None => others.next().flatten(),
        };
        Style { hue: hue % LIGHT.len(), dash }
    };
    groups.iter().enumerate().map(style).collect()
}

/// The colours as style rules: `--hue-N` for both themes of the page.
pub(crate) fn palette_css() -> String {
    let variables = |palette: [&str; 7]| -> String {
        palette.iter().enumerate().map(|(index, colour)| format!("--hue-{index}:{colour};")).collect()
    };
    let mut css = format!(
        ":root{{{}}}@media screen and (prefers-color-scheme:dark){{:root{{{}}}}}",
        variables(LIGHT),
        variables(DARK)
    );
    for index in 0..LIGHT.len() {
        let _ = write!(css, ".hue-{index}{{color:var(--hue-{index})}}");
    }
    css
}

/// The colours as style rules without variables, for a picture that stands alone on a light ground.
pub(super) fn light_css() -> String {
    LIGHT.iter().enumerate().map(|(index, colour)| format!(".hue-{index}{{color:{colour}}}")).collect()
}

/// A hue on a light and on a dark ground; after the last comes the first again.
pub(crate) fn hue(index: usize) -> [&'static str; 2] {
    [LIGHT, DARK].map(|palette| palette[index % palette.len()])
}

/// A short piece of the curve, for legends.
pub(crate) fn swatch(style: Style) -> Markup {
    line_sample(&style.class(), style.dash())
}

/// A short piece of a line, in the colour of a class.
pub(crate) fn line_sample(class: &str, dash: Option<&str>) -> Markup {
    html! {
        svg class={ "swatch " (class) } width="34" height="12" viewBox="0 0 34 12" aria-hidden="true" {
            path d="M1 6H33" fill="none" stroke="currentColor" stroke-width="2.5" stroke-dasharray=[dash] {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How colours look without red, green or blue cones, on linear channels (Machado, Oliveira and Fernandes 2009), after
    /// how they look with all.
    const EYES: [[[f64; 3]; 3]; 4] = [
        [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
        [[0.152_286, 1.052_583, -0.204_868], [0.114_503, 0.786_281, 0.099_216], [-0.003_882, -0.048_116, 1.051_998]],
        [[0.367_322, 0.860_646, -0.227_968], [0.280_085, 0.672_501, 0.047_413], [-0.011_820, 0.042_940, 0.968_881]],
        [[1.255_528, -0.076_749, -0.178_779], [-0.078_411, 0.930_809, 0.147_602], [0.004_733, 0.691_367, 0.303_900]],
    ];

    fn times(matrix: [[f64; 3]; 3], vector: [f64; 3]) -> [f64; 3] {
        matrix.map(|row| row.iter().zip(vector).map(|(a, b)| a * b).sum())
    }

    fn linear(colour: &str) -> [f64; 3] {
        [1, 3, 5].map(|at| {
            let channel = f64::from(u8::from_str_radix(&colour[at..at + 2], 16).unwrap()) / 255.0;
            if channel <= 0.040_45 { channel / 12.92 } else { ((channel + 0.055) / 1.055).powf(2.4) }
        })
    }

    /// In Oklab, where distances are as eyes see them.
    fn seen(colour: &str, eye: [[f64; 3]; 3]) -> [f64; 3] {
        let cones =
            [[0.412_221, 0.536_333, 0.051_446], [0.211_903, 0.680_700, 0.107_397], [0.088_302, 0.281_719, 0.629_979]];
        let lab = [
            [0.210_454, 0.793_618, -0.004_072],
            [1.977_998, -2.428_592, 0.450_594],
            [0.025_904, 0.782_772, -0.808_676],
        ];
        let light = times(eye, linear(colour)).map(|channel| channel.clamp(0.0, 1.0));
        times(lab, times(cones, light).map(f64::cbrt))
    }

    #[test]
    fn hues_stay_apart_for_every_eye() {
        for (palette, eye) in [LIGHT, DARK].into_iter().flat_map(|palette| EYES.map(|eye| (palette, eye))) {
            for (index, a) in palette.iter().enumerate() {
                for b in &palette[..index] {
                    let [a_seen, b_seen] = [a, b].map(|colour| seen(colour, eye));
                    let distance = a_seen.iter().zip(b_seen).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt();
                    // Okabe and Ito's palette has 0.076 between its nearest.
                    assert!(distance > 0.1, "{a} and {b}: {distance}");
                }
            }
        }
    }
}
