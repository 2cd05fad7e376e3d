//! Fig. 3 with Lookahead's descendants and with averages (ours, not in the paper).

use lookahead::{Alpha, OuterForm, OuterMomentum, OuterRate, SyncPeriod};
use lookahead_theory::family::Name;
use lookahead_theory::figures::{Claim, FamilyProgress, FamilyProgressData, MemberCurve};
use lookahead_theory::{Average, ConditionNumber, Cycle, Noise, OuterCycle, Spectrum};
use serde::Serialize;
use serde_json::{Map, json};

use super::analysis::{Files, Keys, finding, naming, notes, number, sync_period, whole};
use super::noisy_progress::{read_noise, read_spectrum};
use lookahead_report::analysis::{Analysis, Axes, Cell, Csv, DataFile, Picture};
use lookahead_report::xy::{AxisScale, Level, Stroke, Tone, XyAxis, XyCurve, XyPlot};
use lookahead_runs::format::{as_given, significant};
use lookahead_settings::{Read, Section, Table};
use lookahead_training::Error;
use lookahead_training::config::DeviceConfig;
use lookahead_training::environment;
use lookahead_training::sweep::Request;

const NAME: &str = "outer_noisy_quadratic";

const FILES: Files = Files {
    artifact: NAME,
    config: include_str!("../../experiments/outer_noisy_quadratic/config.toml"),
    paper: include_str!("../../experiments/outer_noisy_quadratic/paper.toml"),
};

const MOST_LEARNING_RATES: u64 = 10_000;

/// The keys that an error of the library is about.
const KEYS: &Keys = &[
    ("the number of eigenvalues", &["spectrum.dim"]),
    ("the condition number", &["spectrum.condition_number", "spectrum.dim"]),
    ("noise variance", &["noise"]),
    ("the initial mean", &["initial_mean"]),
    ("the number of learning rates", &["learning_rates"]),
    ("the number of steps", &["steps", "lookahead.sync_period", "nesterov.sync_period", "heavy_ball.sync_period"]),
    ("the number of learning rates, members and eigenvalues, multiplied,", &["learning_rates", "spectrum.dim"]),
    ("a mean or variance of the weights", &["spectrum", "noise", "initial_mean"]),
];

/// The parameters.
#[derive(Debug, Serialize)]
struct Config {
    noise: Noise,
    steps: u64,
    learning_rates: usize,
    initial_mean: f64,
    spectrum: Spectrum,
    lookahead: LookaheadNumbers,
    nesterov: OuterNumbers,
    heavy_ball: OuterNumbers,
    exponential: ExponentialNumbers,
    gpa: GpaNumbers,
}

#[derive(Debug, Serialize)]
struct LookaheadNumbers {
    sync_period: SyncPeriod,
    alpha: Alpha,
}

#[derive(Debug, Serialize)]
struct OuterNumbers {
    sync_period: SyncPeriod,
    eta: OuterRate,
    mu: OuterMomentum,
}

#[derive(Debug, Serialize)]
struct ExponentialNumbers {
    decay: f64,
}

#[derive(Debug, Serialize)]
struct GpaNumbers {
    mu_x: f64,
    mu_y: f64,
}

/// The reference of its parameters.
pub(super) fn reference() -> Vec<Section> {
    FILES.reference(Config::read)
}

/// Computes the figure.
///
/// # Errors
/// [`Error::Config`] or [`Error::Theory`] for a wrong override.
pub fn analyse(request: &Request) -> Result<Analysis, Error> {
    let start = std::time::Instant::now();
    let paper = FILES.paper()?;
    let config: Config = FILES.config(request, Config::read, |config: &mut Config| {
        config.spectrum = Spectrum::Chebyshev { dim: 50, condition_number: ConditionNumber::THOUSAND };
        config.learning_rates = 40;
    })?;
    let data = config.figure().compute().map_err(|error| naming(KEYS, "", &config, error))?;
    let asked = [
        ("lookahead_ahead_of_sgd", Name::Lookahead, Name::InnerAlone),
        ("nesterov_ahead_of_lookahead", Name::Nesterov, Name::Lookahead),
        ("heavy_ball_ahead_of_lookahead", Name::HeavyBall, Name::Lookahead),
        ("exponential_ahead_of_lookahead", Name::Exponential, Name::Lookahead),
        ("gpa_ahead_of_lookahead", Name::Gpa, Name::Lookahead),
    ];
    let findings = asked.into_iter().filter_map(|(id, name, beside)| {
        let found = data.claims.iter().find(|claim| (claim.name, claim.beside) == (name, beside))?;
        let statement = format!("{}: {}", config.label(name), found.claim.statement);
        let claim = Claim { statement, ..found.claim.clone() };
        let evidence = in_words(&claim);
        Some(finding(&paper, id, vec![claim], evidence))
    });
    let left_out: Map<String, serde_json::Value> =
        data.curves.iter().map(|curve| (config.label(curve.name), json!(curve.left_out))).collect();
    Ok(Analysis {
        artifact: NAME.to_owned(),
        scale: request.scale.name().to_owned(),
        command: request.command.clone(),
        config: serde_json::to_value(&config).unwrap_or_default(),
        findings: findings.collect(),
        numbers: Map::from_iter([("learning_rates_left_out".to_owned(), left_out.into())]),
        pictures: vec![Picture {
            file: "figure.svg",
            title: paper.title.clone(),
            caption: paper.caption.clone(),
            plots: vec![config.progress_plot(&paper.axes, &data), config.slice_plot(&paper.axes, &data)],
        }],
        maps: vec![],
        data: config.data_files(&data),
        notes: notes(request, "50 eigenvalues and 40 learning rates"),
        seconds: start.elapsed().as_secs_f64(),
        environment: environment(DeviceConfig::CPU),
        paper,
    })
}

impl Config {
    fn read(table: &Table<'_>) -> Read<Self> {
        table.accept(&[
            "noise",
            "steps",
            "learning_rates",
            "initial_mean",
            "spectrum",
            "lookahead",
            "nesterov",
            "heavy_ball",
            "exponential",
            "gpa",
        ])?;
        Ok(Self {
            noise: table.required("noise", read_noise)?,
            steps: table.required("steps", |e| e.whole(1..=u64::MAX))?,
            learning_rates: table.required("learning_rates", |e| whole(e, MOST_LEARNING_RATES))?,
            initial_mean: table.required("initial_mean", |e| e.number("that is finite", f64::is_finite))?,
            spectrum: read_spectrum(&table.table("spectrum")?)?,
            lookahead: LookaheadNumbers::read(&table.table("lookahead")?)?,
            nesterov: OuterNumbers::read(&table.table("nesterov")?)?,
            heavy_ball: OuterNumbers::read(&table.table("heavy_ball")?)?,
            exponential: ExponentialNumbers::read(&table.table("exponential")?)?,
            gpa: GpaNumbers::read(&table.table("gpa")?)?,
        })
    }

    fn figure(&self) -> FamilyProgress {
        let LookaheadNumbers { sync_period, alpha } = self.lookahead;
        FamilyProgress {
            spectrum: self.spectrum,
            noise: self.noise.clone(),
            steps: self.steps,
            learning_rates: self.learning_rates,
            initial_mean: self.initial_mean,
            lookahead: Cycle { sync_period, alpha, ..Cycle::default() },
            nesterov: self.nesterov.cycle(OuterForm::Nesterov),
            heavy_ball: self.heavy_ball.cycle(OuterForm::HeavyBall),
            decay: self.exponential.decay,
            gpa: [self.gpa.mu_x, self.gpa.mu_y],
        }
    }

    fn label(&self, name: Name) -> String {
        let outer = |form: &str, OuterNumbers { sync_period, eta, mu }: &OuterNumbers| {
            let [eta, mu] = [eta.get(), mu.get()].map(as_given);
            format!("{form} outside, k = {}, eta = {eta}, mu = {mu}", sync_period.get())
        };
        match name {
            Name::Lookahead => {
                let LookaheadNumbers { sync_period, alpha } = &self.lookahead;
                format!("Lookahead, k = {}, alpha = {}", sync_period.get(), as_given(alpha.get()))
            }
            Name::Nesterov => outer("Nesterov", &self.nesterov),
            Name::HeavyBall => outer("Heavy ball", &self.heavy_ball),
            Name::Exponential => format!("Exponential average, decay {}", as_given(self.exponential.decay)),
            Name::Gpa => format!("GPA, mu_x = {}, mu_y = {}", as_given(self.gpa.mu_x), as_given(self.gpa.mu_y)),
            _ => "SGD".to_owned(),
        }
    }

    fn curve(&self, name: Name, index: usize, points: Vec<[f64; 2]>) -> XyCurve {
        let (tone, stroke) = match name {
            Name::InnerAlone => (Tone::Ink, Stroke::Dashed),
            _ => (Tone::Hue(index), Stroke::Solid),
        };
        XyCurve { label: self.label(name), tone, stroke, points }
    }

    fn progress_plot(&self, axes: &Axes, data: &FamilyProgressData) -> XyPlot {
        let curve = |(index, curve): (usize, &MemberCurve)| {
            let points = curve.points.iter().map(|point| [point.final_above_least, point.excess.abs()]).collect();
            self.curve(curve.name, index, points)
        };
        XyPlot {
            title: format!("T = {}", self.steps),
            x: axes.x.clone(),
            y: axes.y.clone(),
            curves: data.curves.iter().enumerate().map(curve).collect(),
            marks: vec![],
            level: None,
        }
    }

    fn slice_plot(&self, axes: &Axes, data: &FamilyProgressData) -> XyPlot {
        let others = data.curves.iter().enumerate().filter(|(_, curve)| curve.name != Name::InnerAlone);
        let curves = others.map(|(index, curve)| {
            let of_it = data.slices.iter().filter(|slice| (slice.name, slice.beside) == (curve.name, Name::InnerAlone));
            let points = of_it
                .map(|slice| [slice.point.final_above_least, slice.point.excess.abs() / slice.other.excess.abs()])
                .collect();
            self.curve(curve.name, index, points)
        });
        XyPlot {
            title: format!("T = {}, slice by slice", self.steps),
            x: axes.x.clone(),
            y: XyAxis { label: "distance / SGD's, same final loss".to_owned(), scale: AxisScale::Log },
            curves: curves.collect(),
            marks: vec![],
            level: Some(Level { at: 1.0, above: "SGD is nearer", below: "SGD is farther" }),
        }
    }

    fn data_files(&self, data: &FamilyProgressData) -> Vec<DataFile> {
        let mut curves = Csv::new(&["member", "lr", "final_above_least", "excess"]);
        for curve in &data.curves {
            let label = self.label(curve.name);
            for point in &curve.points {
                let [lr, end, excess] = [point.lr, point.final_above_least, point.excess].map(Cell::Number);
                curves.row(&[Cell::Text(&label), lr, end, excess]);
            }
        }
        let columns = ["member", "beside", "final_above_least", "lr", "other_lr", "excess", "other_excess"];
        let mut slices = Csv::new(&columns);
        for slice in &data.slices {
            let [label, beside] = [slice.name, slice.beside].map(|name| self.label(name));
            let (point, other) = (slice.point, slice.other);
            let numbers = [point.final_above_least, point.lr, other.lr, point.excess, other.excess].map(Cell::Number);
            slices.row(&[&[Cell::Text(&label), Cell::Text(&beside)], &numbers[..]].concat());
        }
        let curves_hold = "the curves, one row for each learning rate; excess is loss − final loss";
        let slices_hold = "each point beside SGD, and beside Lookahead, with the same final loss";
        vec![
            DataFile { file: "curves.csv", holds: curves_hold, text: curves.into_text() },
            DataFile { file: "slices.csv", holds: slices_hold, text: slices.into_text() },
        ]
    }
}

impl LookaheadNumbers {
    fn read(table: &Table<'_>) -> Read<Self> {
        table.accept(&["sync_period", "alpha"])?;
        let alpha = table.required("alpha", |e| e.hyperparameter(Alpha::new))?;
        Ok(Self { sync_period: sync_period(table)?, alpha })
    }
}

impl OuterNumbers {
    fn read(table: &Table<'_>) -> Read<Self> {
        table.accept(&["sync_period", "eta", "mu"])?;
        Ok(Self {
            sync_period: sync_period(table)?,
            eta: table.required("eta", |e| e.hyperparameter(OuterRate::new))?,
            mu: table.required("mu", |e| e.hyperparameter(OuterMomentum::new))?,
        })
    }

    fn cycle(&self, form: OuterForm) -> OuterCycle {
        let Self { sync_period, eta, mu } = *self;
        OuterCycle { sync_period, rate: eta, momentum: mu, form, ..Cycle::default().into() }
    }
}

impl ExponentialNumbers {
    fn read(table: &Table<'_>) -> Read<Self> {
        table.accept(&["decay"])?;
        Ok(Self { decay: table.required("decay", |e| number(e, |decay| Average::exponential(decay).map(|_| decay)))? })
    }
}

impl GpaNumbers {
    fn read(table: &Table<'_>) -> Read<Self> {
        table.accept(&["mu_x", "mu_y"])?;
        Ok(Self {
            mu_x: table.required("mu_x", |e| number(e, |mu_x| Average::gpa(mu_x, 0.0).map(|_| mu_x)))?,
            mu_y: table.required("mu_y", |e| number(e, |mu_y| Average::gpa(0.0, mu_y).map(|_| mu_y)))?,
        })
    }
}

fn in_words(claim: &Claim) -> String {
    let ratios = [claim.least_ratio, claim.median_ratio, claim.greatest_ratio];
    let [Some(least), Some(median), Some(greatest)] = ratios.map(|ratio| Some(significant(ratio?, 2))) else {
        return "No two settings end at the same loss.".to_owned();
    };
    let Claim { count, of, .. } = claim;
    format!(
        "It is nearer in {count} of {of} slices; its distance is {least} to {greatest} times the other's, {median} in the \
         median."
    )
}
