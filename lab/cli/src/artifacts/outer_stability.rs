//! Which outer steps converge around heavy-ball SGD (ours, not in the paper).

use lookahead::{InnerStatePolicy, OuterForm, OuterMomentum, OuterRate, SyncPeriod};
use lookahead_theory::figures::{InUse, OuterStability, OuterStabilityData, StabilityMap};
use lookahead_theory::{ConditionNumber, Momentum, Spectrum};
use serde_json::{Map, json};

use super::analysis::{Files, Keys, finding, naming, notes, number};
use super::noisy_progress::read_spectrum;
use lookahead_report::analysis::{
    Analysis, Axes, Cell, Csv, DataFile, Finding, MapPicture, Outcome, PaperFigure, Picture,
};
use lookahead_report::heat_map::HeatMap;
use lookahead_report::xy::{Stroke, Tone, XyCurve, XyPlot};
use lookahead_runs::format::{as_given, significant};
use lookahead_settings::{Read, Section, Table};
use lookahead_training::Error;
use lookahead_training::config::DeviceConfig;
use lookahead_training::environment;
use lookahead_training::sweep::Request;

const NAME: &str = "outer_stability";

const FILES: Files = Files {
    artifact: NAME,
    config: include_str!("../../experiments/outer_stability/config.toml"),
    paper: include_str!("../../experiments/outer_stability/paper.toml"),
};

const MOST_PERIODS: usize = 20;
const MOST_CELLS: usize = 40;
const MOST_POINTS: u32 = 1000;
const FORMS: [(OuterForm, &str, &str); 2] =
    [(OuterForm::Nesterov, "nesterov", "Nesterov"), (OuterForm::HeavyBall, "heavy_ball", "Heavy ball")];
const POLICIES: [(&str, InnerStatePolicy); 3] = [
    ("maintain", InnerStatePolicy::Maintain),
    ("interpolate", InnerStatePolicy::Interpolate),
    ("reset", InnerStatePolicy::Reset),
];

/// The keys that an error of the library is about.
const KEYS: &Keys = &[
    ("the number of eigenvalues", &["spectrum.dim"]),
    ("the condition number", &["spectrum.condition_number", "spectrum.dim"]),
    ("the learning rate", &["learning_rate", "momentum"]),
    ("the number of matrices", &["spectrum.dim", "sync_periods", "rates", "outer_momenta", "border_points"]),
];

/// The reference of its parameters.
pub(super) fn reference() -> Vec<Section> {
    FILES.reference(read)
}

/// Computes the figure.
///
/// # Errors
/// [`Error::Config`] or [`Error::Theory`] for a wrong override.
pub fn analyse(request: &Request) -> Result<Analysis, Error> {
    let start = std::time::Instant::now();
    let paper = FILES.paper()?;
    let config: OuterStability = FILES.config(request, read, |config: &mut OuterStability| {
        config.spectrum = Spectrum::Log { dim: 10, condition_number: ConditionNumber::THOUSAND };
        config.border_points = 10;
    })?;
    let data = config.compute().map_err(|error| naming(KEYS, "", &config, error))?;
    let picture = |(form, _, name): (OuterForm, &str, &str), file, caption: &str| Picture {
        file,
        title: format!("{name} outside: {}", paper.title),
        caption: caption.to_owned(),
        plots: config.inner_states.iter().map(|&state| border_plot(&paper.axes, &data, form, state)).collect(),
    };
    Ok(Analysis {
        artifact: NAME.to_owned(),
        scale: request.scale.name().to_owned(),
        command: request.command.clone(),
        findings: config.inner_states.iter().map(|&state| found(&paper, &data, state)).collect(),
        numbers: Map::from_iter([("in_use".to_owned(), json!(data.in_use))]),
        pictures: vec![
            picture(FORMS[0], "figure.svg", &paper.caption),
            picture(FORMS[1], "heavy_ball.svg", "The same for the heavy ball: SlowMo's form."),
        ],
        maps: data.maps.iter().map(|map| map_picture(&config, map)).collect(),
        data: data_files(&config, &data),
        notes: notes(request, "10 eigenvalues, borders at 10 mu"),
        seconds: start.elapsed().as_secs_f64(),
        environment: environment(DeviceConfig::CPU),
        config: serde_json::to_value(&config).unwrap_or_default(),
        paper,
    })
}

fn read(table: &Table<'_>) -> Read<OuterStability> {
    table.accept(&[
        "learning_rate",
        "momentum",
        "inner_states",
        "sync_periods",
        "rates",
        "outer_momenta",
        "border_points",
        "spectrum",
    ])?;
    let periods = |e: &lookahead_settings::Entry<'_>| {
        SyncPeriod::new(e.count()?.get()).map_err(|_| e.refuse("a whole number, at least 1"))
    };
    Ok(OuterStability {
        learning_rate: table.required("learning_rate", |e| e.number("above 0", |lr| lr > 0.0 && lr.is_finite()))?,
        momentum: table.required("momentum", |e| number(e, Momentum::new))?,
        inner_states: table.required("inner_states", |e| e.different(3, "names", |e| e.one_of(&POLICIES)))?,
        sync_periods: table.required("sync_periods", |e| e.different(MOST_PERIODS, "whole numbers", periods))?,
        rates: table.required("rates", |e| e.different(MOST_CELLS, "numbers", |e| e.hyperparameter(OuterRate::new)))?,
        outer_momenta: table.required("outer_momenta", |e| {
            e.different(MOST_CELLS, "numbers", |e| e.hyperparameter(OuterMomentum::new))
        })?,
        border_points: table.required("border_points", |e| e.count_to(MOST_POINTS))?.get(),
        spectrum: read_spectrum(&table.table("spectrum")?)?,
    })
}

fn policy(state: InnerStatePolicy) -> &'static str {
    POLICIES.iter().find(|(_, policy)| *policy == state).map_or("", |(name, _)| name)
}

fn form_of(form: OuterForm) -> (&'static str, &'static str) {
    FORMS.iter().find(|(of, ..)| *of == form).map_or(("", ""), |(_, key, name)| (key, name))
}

/// How many of the outer steps in use are stable under a policy.
fn found(paper: &PaperFigure, data: &OuterStabilityData, state: InnerStatePolicy) -> Finding {
    let id = match state {
        InnerStatePolicy::Maintain => "stable_if_maintained",
        InnerStatePolicy::Interpolate => "stable_if_interpolated",
        InnerStatePolicy::Reset => "stable_if_reset",
    };
    let of_state: Vec<&InUse> = data.in_use.iter().filter(|of| of.inner_state == state).collect();
    let (n, count) = (of_state.len(), of_state.iter().filter(|of| of.is_stable).count());
    let mut evidence = format!("Stable: {count} of {n} pairs of an outer step and a k.");
    let mut sources: Vec<&str> = of_state.iter().filter(|of| !of.is_stable).map(|of| of.source).collect();
    sources.dedup();
    for source in sources {
        let unstable = of_state.iter().filter(|of| of.source == source && !of.is_stable);
        let at = unstable.map(|of| match (of.sync_period.get(), of.largest_stable) {
            (k, 0.0) => format!("{k} (no eta is stable)"),
            (k, largest) if largest.is_finite() => format!("{k} (stable below eta = {})", significant(largest, 3)),
            (k, _) => k.to_string(),
        });
        evidence += &format!(" {source} does not converge at k = {}.", at.collect::<Vec<_>>().join(", "));
    }
    let verdict = Outcome::of(count, n);
    let (holds, holds_everywhere) = (verdict.holds(), verdict == Outcome::Holds);
    Finding { verdict, holds, holds_everywhere, count, n, ..finding(paper, id, vec![], evidence) }
}

/// The border for each k, and the outer steps in use as points.
fn border_plot(axes: &Axes, data: &OuterStabilityData, form: OuterForm, state: InnerStatePolicy) -> XyPlot {
    let maps: Vec<&StabilityMap> =
        data.maps.iter().filter(|map| map.form == form && map.inner_state == state).collect();
    let last = maps.len().saturating_sub(1).max(1) as f64;
    let borders = maps.iter().enumerate().map(|(index, map)| XyCurve {
        label: format!("k = {}", map.sync_period.get()),
        tone: Tone::Ramp(index as f64 / last),
        stroke: Stroke::Solid,
        points: map.border.iter().copied().filter(|[_, eta]| eta.is_finite()).collect(),
    });
    let mut points: Vec<XyCurve> = Vec::new();
    for of in data.in_use.iter().filter(|of| of.form == form) {
        if points.iter().all(|point| point.label != of.source) {
            let tone = Tone::Hue(points.len());
            let point = [of.momentum, of.rate];
            points.push(XyCurve { label: of.source.to_owned(), tone, stroke: Stroke::Solid, points: vec![point] });
        }
    }
    XyPlot {
        title: format!("velocity: {}", policy(state)),
        x: axes.x.clone(),
        y: axes.y.clone(),
        curves: borders.chain(points).collect(),
        marks: vec![],
        level: None,
    }
}

/// The inner steps that shrink the slowest direction tenfold: ln 10 over minus the logarithm of the contraction.
fn steps_for_a_digit(rate: f64) -> Option<f64> {
    (rate > 0.0).then(|| std::f64::consts::LN_10 / -(-rate).ln_1p())
}

fn map_picture(config: &OuterStability, map: &StabilityMap) -> MapPicture {
    let ((key, name), state, k) = (form_of(map.form), policy(map.inner_state), map.sync_period.get());
    let cells = map.rates.iter().map(|row| row.iter().map(|rate| steps_for_a_digit((*rate)?)).collect());
    MapPicture {
        file: format!("map_{key}_{state}_k{k}.svg"),
        caption:
            "Inner steps that shrink the slowest direction tenfold; bright is quick, the frame marks the quickest."
                .to_owned(),
        map: HeatMap {
            title: format!("{name} outside, velocity: {state}, k = {k}"),
            rows: ("eta".to_owned(), config.rates.iter().map(|eta| as_given(eta.get())).collect()),
            columns: ("mu".to_owned(), config.outer_momenta.iter().map(|mu| as_given(mu.get())).collect()),
            cells: cells.collect(),
            floor: 0.0,
        },
    }
}

fn data_files(config: &OuterStability, data: &OuterStabilityData) -> Vec<DataFile> {
    let mut curves = Csv::new(&["form", "inner_state", "sync_period", "eta", "mu", "rate"]);
    let mut borders = Csv::new(&["form", "inner_state", "sync_period", "mu", "largest_stable_eta"]);
    let finite = |number: f64| if number.is_finite() { Cell::Number(number) } else { Cell::Empty };
    for map in &data.maps {
        let (key, _) = form_of(map.form);
        let [form, state] = [key, policy(map.inner_state)].map(Cell::Text);
        let k = Cell::Whole(map.sync_period.get().into());
        for (eta, row) in config.rates.iter().zip(&map.rates) {
            for (mu, rate) in config.outer_momenta.iter().zip(row) {
                let [eta, mu] = [eta.get(), mu.get()].map(Cell::Number);
                curves.row(&[form, state, k, eta, mu, rate.map_or(Cell::Empty, Cell::Number)]);
            }
        }
        for &[mu, eta] in &map.border {
            borders.row(&[form, state, k, Cell::Number(mu), finite(eta)]);
        }
    }
    let curves_hold = "the convergence rate per inner step for each eta and mu; negative where it diverges";
    let borders_hold = "the largest eta below which every direction is stable, empty where none is too large";
    vec![
        DataFile { file: "curves.csv", holds: curves_hold, text: curves.into_text() },
        DataFile { file: "borders.csv", holds: borders_hold, text: borders.into_text() },
    ]
}
