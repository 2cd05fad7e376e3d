//! The colours of plots and heat maps, readable on a light and on a dark ground.

use std::fmt::Write as _;

use super::super::curves::hue;
use super::Entry;

/// The colour of a curve.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Tone {
    /// The colour of the text: for what all others are compared with.
    Ink,
    /// One of seven hues that colour-blind readers can tell apart.
    Hue(usize),
    /// A place between 0 and 1 on a ramp from dark to bright (viridis): for curves of a rising parameter.
    Ramp(f64),
}

/// Viridis, at equal distances.
const RAMP: [[u8; 3]; 9] = [
    [68, 1, 84],
    [71, 44, 122],
    [59, 81, 139],
    [44, 113, 142],
    [33, 144, 141],
    [39, 173, 129],
    [92, 200, 99],
    [170, 220, 50],
    [253, 231, 37],
];

impl Tone {
    /// The colour on a light ground.
    pub(super) fn light(self) -> String {
        match self {
            Self::Ink => "#1c2430".to_owned(),
            Self::Hue(index) => hue(index)[0].to_owned(),
            // The brightest part would not show on white.
            Self::Ramp(place) => hex(ramp(0.85 * place)),
        }
    }

    /// The colour on a dark ground.
    fn dark(self) -> String {
        match self {
            Self::Ink => "#e8ecf1".to_owned(),
            Self::Hue(index) => hue(index)[1].to_owned(),
            // The darkest part would not show on black.
            Self::Ramp(place) => hex(ramp(0.3 + 0.7 * place)),
        }
    }
}

/// The ground of a heat map's cell at a place on the ramp, and the colour of text on it.
pub(crate) fn mix(place: f64) -> (String, &'static str) {
    let [red, green, blue] = ramp(place).map(f64::from);
    let brightness = 0.299 * red + 0.587 * green + 0.114 * blue;
    (hex(ramp(place)), if brightness > 130.0 { "#10151c" } else { "#ffffff" })
}

/// The classes `tone-N` of a legend's entries, for both themes of the page.
pub(crate) fn palette_css(legend: &[Entry<'_>]) -> String {
    let mut css = String::new();
    for (index, entry) in legend.iter().enumerate() {
        let (light, dark) = (entry.tone.light(), entry.tone.dark());
        let _ = write!(
            css,
            ".tone-{index}{{color:{light}}}@media screen and (prefers-color-scheme:dark){{.tone-{index}{{color:{dark}}}}}"
        );
    }
    css
}

/// The same without a dark theme, for a picture that stands alone on a light ground.
pub(super) fn light_css(legend: &[Entry<'_>]) -> String {
    let rule = |(index, entry): (usize, &Entry<'_>)| format!(".tone-{index}{{color:{}}}", entry.tone.light());
    legend.iter().enumerate().map(rule).collect()
}

fn ramp(place: f64) -> [u8; 3] {
    let last = RAMP.len() - 1;
    let place = place.clamp(0.0, 1.0) * last as f64;
    let below = (place.floor() as usize).min(last - 1);
    let part = place - below as f64;
    std::array::from_fn(|channel| {
        let [from, to] = [RAMP[below][channel], RAMP[below + 1][channel]].map(f64::from);
        (from + part * (to - from)).round() as u8
    })
}

fn hex([red, green, blue]: [u8; 3]) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}
