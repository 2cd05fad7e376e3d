//! Colour and dash of each curve: Okabe and Ito's colour-blind-safe palette, one hue for an optimizer and its Lookahead.

use std::fmt::Write as _;

use maud::{Markup, html};

use super::super::Group;

/// Blue, vermillion, green, purple, orange, sky blue, black.
const LIGHT: [&str; 7] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000"];
/// The same hues, lighter, to be read on a dark ground.
const DARK: [&str; 7] = ["#4aa8e8", "#f0803c", "#24c296", "#dd96bf", "#f2b632", "#9ed5f7", "#f0f0f0"];

/// How a curve looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::report) struct Style {
    hue: usize,
    stroke: Stroke,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stroke {
    Solid,
    Dashed,
    DashDotted,
    Dotted,
}

impl Style {
    /// The class that sets the curve's colour.
    pub(super) fn class(self) -> String {
        format!("hue-{}", self.hue)
    }

    /// The dash pattern as an SVG attribute; `None` for a solid line.
    pub(super) fn dash(self) -> Option<&'static str> {
        match self.stroke {
            Stroke::Solid => None,
            Stroke::Dashed => Some("6 4"),
            Stroke::DashDotted => Some("9 3 2 3"),
            Stroke::Dotted => Some("2 3"),
        }
    }
}

/// Gives each group of a panel its style. A baseline is dashed; the first Lookahead around it is solid, in the same hue.
/// All others have a hue of their own: dash-dotted where they are what such a pair is compared with, solid else, and
/// dotted once the hues come again.
pub(super) fn styles(groups: &[&Group]) -> Vec<Style> {
    let is_lookahead = |group: &Group| group.baseline.is_some() && group.label.contains("Lookahead");
    let is_baseline = |label: &str| groups.iter().any(|group| group.baseline.as_deref() == Some(label));
    let partner =
        |label: &str| groups.iter().position(|group| is_lookahead(group) && group.baseline.as_deref() == Some(label));
    let mut hues: Vec<usize> = Vec::with_capacity(groups.len());
    let mut fresh_hue = 0;
    for (index, group) in groups.iter().enumerate() {
        let baseline = group.baseline.as_deref().filter(|label| partner(label) == Some(index));
        let twin = match baseline {
            Some(label) => groups.iter().position(|other| other.label == label),
            None => partner(&group.label),
        };
        hues.push(twin.and_then(|twin| hues.get(twin).copied()).unwrap_or_else(|| {
            fresh_hue += 1;
            fresh_hue - 1
        }));
    }
    let stroke = |group: &Group, hue: usize| match group {
        group if is_baseline(&group.label) => Stroke::Dashed,
        _ if hue >= LIGHT.len() => Stroke::Dotted,
        group if is_lookahead(group) || group.baseline.as_deref().and_then(partner).is_none() => Stroke::Solid,
        _ => Stroke::DashDotted,
    };
    let style = |(group, hue): (&&Group, usize)| Style { hue: hue % LIGHT.len(), stroke: stroke(group, hue) };
    groups.iter().zip(hues).map(style).collect()
}

/// The colours as style rules: `--hue-N` for both themes of the page.
pub(in crate::report) fn palette_css() -> String {
    let variables = |palette: [&str; 7]| -> String {
        palette.iter().enumerate().map(|(index, colour)| format!("--hue-{index}:{colour};")).collect()
    };
    let mut css =
        format!(":root{{{}}}@media (prefers-color-scheme:dark){{:root{{{}}}}}", variables(LIGHT), variables(DARK));
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
pub(in crate::report) fn hue(index: usize) -> [&'static str; 2] {
    [LIGHT, DARK].map(|palette| palette[index % palette.len()])
}

/// A short piece of the curve, for legends.
pub(in crate::report) fn swatch(style: Style) -> Markup {
    line_sample(&style.class(), style.dash())
}

/// A short piece of a line, in the colour of a class.
pub(in crate::report) fn line_sample(class: &str, dash: Option<&str>) -> Markup {
    html! {
        svg class={ "swatch " (class) } width="34" height="12" viewBox="0 0 34 12" aria-hidden="true" {
            path d="M1 6H33" fill="none" stroke="currentColor" stroke-width="2.5" stroke-dasharray=[dash] {}
        }
    }
}
