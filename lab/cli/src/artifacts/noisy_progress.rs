//! What Fig. 3 and Fig. 11 share: curves of expected progress over the final loss, and vertical slices through them.

use lookahead::Alpha;
use lookahead_theory::figures::{Claim, NoisyProgress, NoisyProgressData};
use lookahead_theory::{ConditionNumber, MOST_EIGENVALUES, Noise, NoisyQuadratic, Spectrum};

use super::analysis::{Keys, naming, number, sync_period, whole};
use lookahead_report::analysis::{Axes, Cell, Csv, DataFile};
use lookahead_report::xy::{AxisScale, Level, Stroke, Tone, XyAxis, XyCurve, XyPlot};
use lookahead_runs::format::{as_given, significant};
use lookahead_settings::{Choices, ConfigError, Entry, Read, Table};
use lookahead_training::Error;

/// The most learning rates of a curve: each is a row of the data.
const MOST_LEARNING_RATES: u64 = 100_000;

/// The most elements of a list.
const MOST: usize = 10_000;

/// Reads the parameters of one panel. The files of the artifacts say them all.
pub(super) fn read(table: &Table<'_>) -> Read<NoisyProgress> {
    table.accept(&["noise", "sync_period", "alphas", "steps", "learning_rates", "initial_mean", "spectrum"])?;
    Ok(NoisyProgress {
        spectrum: read_spectrum(&table.table("spectrum")?)?,
        noise: table.required("noise", read_noise)?,
        sync_period: sync_period(table)?,
        alphas: table.required("alphas", |e| e.different(MOST, "numbers", |e| e.hyperparameter(Alpha::new)))?,
        steps: table.required("steps", |e| e.whole(1..=u64::MAX))?,
        learning_rates: table.required("learning_rates", |e| whole(e, MOST_LEARNING_RATES))?,
        initial_mean: table.required("initial_mean", |e| e.number("that is finite", f64::is_finite))?,
    })
}

pub(super) fn read_spectrum(table: &Table<'_>) -> Read<Spectrum> {
    const KINDS: Choices<Spectrum, 4> = [
        ("chebyshev", |table| {
            with_condition_number(table).map(|(dim, condition_number)| Spectrum::Chebyshev { dim, condition_number })
        }),
        ("harmonic", |table| {
            table.accept(&["kind", "dim"])?;
            Ok(Spectrum::Harmonic { dim: dim(table)? })
        }),
        ("log", |table| {
            with_condition_number(table).map(|(dim, condition_number)| Spectrum::Log { dim, condition_number })
        }),
        ("uniform", |table| {
            with_condition_number(table).map(|(dim, condition_number)| Spectrum::Uniform { dim, condition_number })
        }),
    ];
    table.required("kind", |e| e.one_of(&KINDS))?(table)
}

fn with_condition_number(table: &Table<'_>) -> Read<(usize, ConditionNumber)> {
    table.accept(&["kind", "dim", "condition_number"])?;
    let thousand = ConditionNumber::THOUSAND;
    Ok((dim(table)?, table.or("condition_number", thousand, |e| number(e, ConditionNumber::new))?))
}

fn dim(table: &Table<'_>) -> Read<usize> {
    table.or("dim", 1000, |e| whole(e, MOST_EIGENVALUES as u64))
}

pub(super) fn read_noise(entry: &Entry<'_>) -> Read<Noise> {
    let variance = |e: &Entry<'_>| e.number("that is finite", f64::is_finite);
    if let Ok(table) = entry.table() {
        table.accept(&["constant", "listed"])?;
        return match table.get("listed") {
            Some(listed) if table.get("constant").is_some() => {
                let (key, other) = (listed.path().to_owned(), table.path_of("constant"));
                Err(ConfigError::Conflict { place: listed.place(), key, other })
            }
            None => table.required("constant", variance).map(Noise::Constant),
            Some(_) => table.required("listed", |e| e.some(MOST_EIGENVALUES, "numbers", variance)).map(Noise::Listed),
        };
    }
    let names = [("inverse_curvature", Noise::InverseCurvature), ("curvature", Noise::Curvature)];
    let given = names.into_iter().find(|(name, _)| entry.text("").is_ok_and(|text| text == *name));
    given.map(|(_, noise)| noise).ok_or_else(|| entry.refuse(NOISES))
}

const NOISES: &str = "\"inverse_curvature\", \"curvature\", { constant = VARIANCE } or { listed = [VARIANCE OF EACH] }";

/// The keys that an error of the library is about.
const KEYS: &Keys = &[
    ("the number of eigenvalues", &["spectrum.dim"]),
    ("the condition number", &["spectrum.condition_number", "spectrum.dim"]),
    ("noise variance", &["noise"]),
    ("the initial mean", &["initial_mean"]),
    ("the number of steps", &["steps", "sync_period"]),
    ("the number of learning rates", &["learning_rates"]),
    ("alpha", &["alphas"]),
    ("the number of learning rates times alphas", &["learning_rates", "alphas"]),
    (
        "the number of learning rates, alphas and eigenvalues, multiplied,",
        &["learning_rates", "alphas", "spectrum.dim"],
    ),
    ("the distance", &["spectrum.condition_number", "steps", "initial_mean"]),
    ("the final loss", &["spectrum", "noise"]),
    ("the distance to the final loss", &["spectrum", "noise", "initial_mean"]),
];

/// Sizes of a smoke run.
pub(super) fn shrink(config: &mut NoisyProgress) {
    config.spectrum = Spectrum::Chebyshev { dim: 50, condition_number: ConditionNumber::THOUSAND };
    config.learning_rates = 60;
}

/// Computes one panel, whose keys begin with `prefix`, and the loss at the optimum.
pub(super) fn compute(config: &NoisyProgress, prefix: &str) -> Result<(NoisyProgressData, f64), Error> {
    let computed = || -> Result<(NoisyProgressData, f64), lookahead_theory::Error> {
        let problem = NoisyQuadratic::new(config.spectrum.eigenvalues()?, &config.noise)?;
        Ok((config.compute()?, problem.least_loss()))
    };
    computed().map_err(|error| naming(KEYS, prefix, config, error))
}

/// What a panel is of.
pub(super) fn heading(config: &NoisyProgress) -> String {
    format!("k = {}, T = {}", config.sync_period.get(), config.steps)
}

/// SGD's curve and one for each alpha, over how far each setting ends above the loss at the optimum: the paper's axis,
/// the final loss itself, squeezes most learning rates into its left end.
pub(super) fn progress_plot(title: &str, axes: &Axes, least_loss: f64, data: &NoisyProgressData) -> XyPlot {
    let curves = data.curves.iter().map(|curve| {
        let (label, tone, stroke) = match curve.alpha {
            None => ("SGD".to_owned(), Tone::Ink, Stroke::Dashed),
            Some(alpha) => (label(alpha.get()), Tone::Ramp(alpha.get()), Stroke::Solid),
        };
        let points = curve.points.iter().map(|point| [point.final_loss - least_loss, point.excess]).collect();
        XyCurve { label, tone, stroke, points }
    });
    XyPlot {
        title: title.to_owned(),
        x: axes.x.clone(),
        y: axes.y.clone(),
        curves: curves.collect(),
        marks: vec![],
        level: None,
    }
}

/// What the figure does not show at a glance: Lookahead's distance over SGD's in each slice.
pub(super) fn slice_plot(title: &str, axes: &Axes, least_loss: f64, data: &NoisyProgressData) -> XyPlot {
    let alphas = data.curves.iter().filter_map(|curve| curve.alpha);
    let curves = alphas.map(|alpha| {
        let slices = data.slices.iter().filter(|slice| slice.alpha == alpha);
        let points = slices.map(|slice| [slice.final_loss - least_loss, slice.lookahead_excess / slice.sgd_excess]);
        XyCurve {
            label: label(alpha.get()),
            tone: Tone::Ramp(alpha.get()),
            stroke: Stroke::Solid,
            points: points.collect(),
        }
    });
    let y = XyAxis { label: "Lookahead's distance / SGD's, same final loss".to_owned(), scale: AxisScale::Log };
    let level = Some(Level { at: 1.0, above: "SGD is nearer", below: "Lookahead is nearer" });
    XyPlot { title: title.to_owned(), x: axes.x.clone(), y, curves: curves.collect(), marks: vec![], level }
}

fn label(alpha: f64) -> String {
    format!("Lookahead, alpha = {}", as_given(alpha))
}

/// `curves.csv` and `slices.csv` of panels, each under its name; a single panel has none.
pub(super) fn data_files(panels: &[(Option<&str>, &NoisyProgressData)]) -> Vec<DataFile> {
    let is_named = panels.iter().any(|(name, _)| name.is_some());
    let header = |columns: &[&'static str]| -> Csv {
        let named = is_named.then_some("panel");
        Csv::new(&named.into_iter().chain(columns.iter().copied()).collect::<Vec<_>>())
    };
    let mut curves = header(&["alpha", "lr", "final_loss", "loss", "excess"]);
    let mut slices = header(&["alpha", "final_loss", "lookahead_lr", "sgd_lr", "lookahead_excess", "sgd_excess"]);
    for &(name, data) in panels {
        let row = |cells: &[Cell<'static>]| -> Vec<Cell<'_>> {
            name.map(Cell::Text).into_iter().chain(cells.iter().copied()).collect()
        };
        for curve in &data.curves {
            let alpha = curve.alpha.map_or(Cell::Empty, |alpha| Cell::Number(alpha.get()));
            for point in &curve.points {
                let [lr, end, loss, excess] = [point.lr, point.final_loss, point.loss, point.excess].map(Cell::Number);
                curves.row(&row(&[alpha, lr, end, loss, excess]));
            }
        }
        for slice in &data.slices {
            let numbers = [
                slice.alpha.get(),
                slice.final_loss,
                slice.lookahead_lr,
                slice.sgd_lr,
                slice.lookahead_excess,
                slice.sgd_excess,
            ];
            slices.row(&row(&numbers.map(Cell::Number)));
        }
    }
    let curves_hold = "the curves, one row for each learning rate; alpha is empty for SGD, excess is loss − final loss";
    let slices_hold = "each setting of Lookahead beside the SGD with the same final loss";
    vec![
        DataFile { file: "curves.csv", holds: curves_hold, text: curves.into_text() },
        DataFile { file: "slices.csv", holds: slices_hold, text: slices.into_text() },
    ]
}

/// The counts and ratios of all alphas in words.
pub(super) fn in_words(claims: &[Claim]) -> String {
    let counts = || claims.iter().map(|claim| claim.count);
    let (least, most) = (counts().min().unwrap_or(0), counts().max().unwrap_or(0));
    let of = claims.first().map_or(0, |claim| claim.of);
    let medians = || claims.iter().filter_map(|claim| claim.median_ratio);
    let greatest = claims.iter().filter_map(|claim| claim.greatest_ratio).fold(f64::NEG_INFINITY, f64::max);
    let range = |low: String, high: String| if low == high { low } else { format!("{low} to {high}") };
    let mut text = format!("Lookahead is ahead in {} of {of} slices", range(least.to_string(), most.to_string()));
    if claims.len() > 1 {
        text += &format!(" for each of {} alphas", claims.len());
    }
    let (low, high) = (medians().fold(f64::INFINITY, f64::min), medians().fold(f64::NEG_INFINITY, f64::max));
    text += &format!(
        "; its distance to the final loss is in the median {} times SGD's.",
        range(significant(low, 2), significant(high, 2))
    );
    if greatest > 1.0 {
        text += &format!(" Where it is behind, it is {} % farther at most.", significant(100.0 * (greatest - 1.0), 2));
    }
    text
}

/// Alphas in words: `0.1, 0.2`, or `none`.
pub(super) fn list(data: &NoisyProgressData, which: impl Fn(&Claim) -> bool) -> Vec<String> {
    let alphas = data.curves.iter().filter_map(|curve| curve.alpha);
    let chosen = alphas.zip(&data.claims).filter(|(_, claim)| which(claim));
    chosen.map(|(alpha, _)| as_given(alpha.get())).collect()
}
