//! Learning curves: mean and deviation over seeds against epochs, one curve per optimizer, drawn as SVG.
//!
//! They are the form of the paper's Fig. 5 to 9. Where some run is not finite, the curve has a gap: a mean over the
//! runs that survived would flatter.

mod panel;
mod range;
mod standalone;
mod style;

pub(super) use panel::{HEIGHT, panel};
pub(super) use range::{LARGEST, loss_axis};
pub(super) use standalone::{standalone, thumbnail};
pub(super) use style::{Style, hue, line_sample, palette_css, swatch};

use std::collections::{BTreeMap, BTreeSet};

use super::end_labels::CROWD;
use super::learning_rates::RatePlot;
use super::subject::tells_top5;
use super::{Measure, MetricsRow, Panel, Run, Study, Subject};
use lookahead_runs::statistics::Spread;

/// What the horizontal axis counts: epochs, or steps where a run evaluates several times an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    Epoch,
    Step,
}

/// The plots of one panel of an artifact.
pub(super) struct PanelPlots {
    /// The panel's name; empty where there is a single one.
    pub(super) name: String,
    pub(super) plots: Vec<Plot>,
    /// The final loss against the learning rate, where there are grids over it.
    pub(super) rates: Option<RatePlot>,
}

/// One plot: a measure for every optimizer of a panel.
pub(super) struct Plot {
    /// A name that no other plot of the study has.
    pub(super) id: String,
    pub(super) measure: Measure,
    pub(super) progress: Progress,
    pub(super) curves: Vec<Curve>,
}

/// The course of one optimizer.
pub(super) struct Curve {
    pub(super) label: String,
    pub(super) style: Style,
    pub(super) points: Vec<Point>,
}

/// The runs of one optimizer at one evaluation.
pub(super) struct Point {
    /// Epochs or steps done.
    pub(super) at: u64,
    /// Mean and deviation over the runs that got this far; `None` where one of them is not finite.
    pub(super) spread: Option<Spread>,
}

impl Progress {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Epoch => "epoch",
            Self::Step => "step",
        }
    }

    fn of(self, row: &MetricsRow) -> u64 {
        match self {
            Self::Epoch => u64::from(row.epoch),
            Self::Step => row.step,
        }
    }
}

/// The plots of every panel; the training loss comes first, as in the paper's figures.
pub(super) fn panels(study: &Study) -> Vec<PanelPlots> {
    let subject = study.subject();
    let plots = |panel: &Panel<'_>| {
        let runs = || panel.groups.iter().flat_map(|(_, runs)| *runs);
        let has_top5 = || {
            tells_top5(runs().filter_map(Run::classes).max())
                && runs().flat_map(|run| &run.rows).any(|row| row.scores.get(Measure::ValidTop5).is_some())
        };
        let is_drawn = |measure: &&Measure| **measure != Measure::ValidTop5 || has_top5();
        subject.plotted().iter().filter(is_drawn).map(|&measure| Plot::of(panel, measure, subject)).collect()
    };
    let rates = |panel: &Panel<'_>| {
        let grids = study.artifact.groups.iter().zip(&study.grids).filter(|(group, _)| group.panel == panel.name);
        let groups =
            grids.zip(styles_of(panel)).map(|((group, grid), style)| (group.label.as_str(), style, grid.as_slice()));
        RatePlot::of(format!("{}-learning-rates", panel.index), subject, groups)
    };
    let of_panel =
        |panel: &Panel<'_>| PanelPlots { name: panel.name.to_owned(), plots: plots(panel), rates: rates(panel) };
    study.panels().iter().map(of_panel).collect()
}

/// How each group of a panel looks.
fn styles_of(panel: &Panel<'_>) -> Vec<Style> {
    style::styles(&panel.groups.iter().map(|(group, _)| *group).collect::<Vec<_>>())
}

impl Plot {
    /// Gathers one measure from all runs of a panel, finished or not.
    fn of(panel: &Panel<'_>, measure: Measure, subject: Subject) -> Self {
        let evaluates_within_epochs = |run: &Run| run.rows.windows(2).any(|rows| rows[0].epoch == rows[1].epoch);
        let mut runs = panel.groups.iter().flat_map(|(_, runs)| *runs);
        // Fig. 7b is drawn against the steps of the inner loop.
        let progress = match subject == Subject::Translation || runs.any(evaluates_within_epochs) {
            true => Progress::Step,
            false => Progress::Epoch,
        };
        let curves = panel.groups.iter().zip(styles_of(panel)).map(|((group, runs), style)| Curve {
            label: group.label.clone(),
            style,
            points: points(runs, measure, progress),
        });
        Self { id: format!("{}-{measure:?}", panel.index), measure, progress, curves: curves.collect() }
    }

    /// What is known of all points of all curves.
    fn spreads(&self) -> impl Iterator<Item = Spread> {
        self.curves.iter().flat_map(|curve| &curve.points).filter_map(|point| point.spread)
    }

    /// Whether there are so many curves that their names stand at their ends.
    pub(super) fn is_crowded(&self) -> bool {
        self.curves.len() > CROWD
    }

    /// All points of the horizontal axis that some curve has, ascending.
    fn places(&self) -> BTreeSet<u64> {
        self.curves.iter().flat_map(|curve| &curve.points).map(|point| point.at).collect()
    }

    /// The plot in words, for those who do not see it.
    pub(super) fn in_words(&self) -> String {
        let mut text = format!("{} against {}s.", self.measure.name(), self.progress.name());
        for curve in &self.curves {
            text.push(' ');
            text.push_str(&curve.in_words(self));
        }
        text
    }

    /// What the plot does not show: gaps, and values outside its axes; one sentence each.
    pub(super) fn notes(&self) -> Vec<String> {
        let with_gaps = self.curves.iter().filter(|curve| curve.gaps() > 0);
        let note = |curve: &Curve| {
            format!(
                "{}: the curve of {} has a gap where the value of some run is not finite (evaluations: {}).",
                self.measure.name(),
                curve.label,
                curve.gaps()
            )
        };
        with_gaps.map(note).chain(panel::Axes::new(self).cut_off()).collect()
    }
}

impl Curve {
    fn gaps(&self) -> usize {
        self.points.iter().filter(|point| point.spread.is_none()).count()
    }

    fn in_words(&self, plot: &Plot) -> String {
        let finite: Vec<(u64, f64)> =
            self.points.iter().filter_map(|point| Some((point.at, point.spread?.mean))).collect();
        let (Some(first), Some(last)) = (finite.first(), finite.last()) else {
            return format!("{}: no values.", self.label);
        };
        let better = |a: &&(u64, f64), b: &&(u64, f64)| match plot.measure {
            measure if measure.quantity().facts().is_score => a.1.total_cmp(&b.1),
            _ => b.1.total_cmp(&a.1),
        };
        let best = finite.iter().rev().max_by(better).unwrap_or(last);
        let (value, unit) = (|value| plot.measure.quantity().value(value), plot.progress.name());
        format!(
            "{}: {} at {unit} {}, {} at {unit} {}, best {} at {unit} {}.",
            self.label,
            value(first.1),
            first.0,
            value(last.1),
            last.0,
            value(best.1),
            best.0
        )
    }
}

fn points(runs: &[Run], measure: Measure, progress: Progress) -> Vec<Point> {
    let mut values: BTreeMap<u64, Vec<Option<f64>>> = BTreeMap::new();
    for row in runs.iter().flat_map(|run| &run.rows) {
        let value = measure.of(&row.scores);
        // Before the first step there is no training loss yet: nothing to show, and no gap either.
        if row.step > 0 || value.is_some() {
            values.entry(progress.of(row)).or_default().push(value);
        }
    }
    let spread = |values: Vec<Option<f64>>| Spread::of(&values.into_iter().collect::<Option<Vec<_>>>()?);
    values.into_iter().map(|(at, values)| Point { at, spread: spread(values) }).collect()
}
