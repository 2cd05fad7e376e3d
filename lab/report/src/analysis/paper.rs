//! What the paper says of a figure: an artifact's `paper.toml`.

use serde::Deserialize;

use super::super::xy::XyAxis;

/// A figure as the paper has it, in our words; or one of ours, which is not in it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PaperFigure {
    /// Whether the figure, and what is said of it, is ours. Default false.
    #[serde(default)]
    pub ours: bool,
    /// Its number, such as `Fig. 3`.
    pub figure: String,
    /// The sections that speak of it.
    pub section: String,
    /// A heading.
    pub title: String,
    /// How to read it.
    pub shows: String,
    /// The caption of our picture.
    pub caption: String,
    /// What its axes measure.
    pub axes: Axes,
    /// What the paper says of it.
    pub claim: Vec<PaperClaim>,
    /// Which parameters it gives.
    pub parameter: Vec<Parameter>,
}

/// The axes of a figure.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Axes {
    /// The horizontal one.
    pub x: XyAxis,
    /// The vertical one.
    pub y: XyAxis,
}

/// A claim of the paper.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PaperClaim {
    /// Its name here.
    pub id: String,
    /// Where it is made.
    pub place: String,
    /// The claim in our words.
    pub says: String,
}

/// A parameter, and what the paper says of it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    /// Its key in `config.toml`, with dots.
    pub key: String,
    /// Whether the paper gives it: `yes`, `in part` or `no`.
    pub given: String,
    /// What it says.
    pub paper: String,
}
