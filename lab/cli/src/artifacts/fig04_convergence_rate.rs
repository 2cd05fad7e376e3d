//! Fig. 4: convergence rates of classical momentum and of Lookahead around it over the condition number (Sec. 3.2,
//! App. B.1).

use lookahead::{Alpha, InnerStatePolicy, SyncPeriod};
use lookahead_theory::figures::{Claim, ConditionPoint, ConvergenceRates, ConvergenceRatesData, SpectrumShape};
use lookahead_theory::{ConditionNumber, Cycle, Momentum, Rate, Regime};
use serde::Serialize;
use serde_json::{Map, json};

use super::analysis::{Files, Keys, finding, naming, notes, number, sync_period, whole};
use lookahead_report::analysis::{Analysis, Axes, Cell, Csv, DataFile, Finding, Outcome, PaperFigure, Picture};
use lookahead_report::xy::{AxisScale, Level, Mark, Stroke, Tone, XyAxis, XyCurve, XyPlot};
use lookahead_runs::format::{as_given, significant};
use lookahead_settings::{Read, Section, Table};
use lookahead_training::Error;
use lookahead_training::config::DeviceConfig;
use lookahead_training::environment;
use lookahead_training::sweep::Request;

const NAME: &str = "fig04_convergence_rate";

const FILES: Files = Files {
    artifact: NAME,
    config: include_str!("../../experiments/fig04_convergence_rate/config.toml"),
    paper: include_str!("../../experiments/fig04_convergence_rate/paper.toml"),
};

/// Our reading of "slightly worse": at least this part of momentum's rate, in the median.
const SLIGHTLY: f64 = 0.8;
const MOST_EIGENVALUES: u64 = 10_000;
const MOST_CURVES: usize = 64;
const MOST_POINTS: u32 = 1000;

/// The evidence where there is none.
const NO_POINT: &str = "None of the condition numbers is in this regime.";

/// The keys that an error of the library is about.
const KEYS: &Keys = &[
    ("the number of eigenvalues", &["dims"]),
    ("the condition number", &["condition_numbers.first", "condition_numbers.last", "dims"]),
    ("the number of eigenvalues times condition numbers", &["dims", "condition_numbers", "sync_period"]),
    ("the ratio of the convergence rates", &["condition_numbers", "momentum", "alpha"]),
];

/// The parameters.
#[derive(Debug, Serialize)]
struct Config {
    momentum: Momentum,
    sync_period: SyncPeriod,
    alpha: Alpha,
    inner_state: InnerStatePolicy,
    shape: SpectrumShape,
    dims: Vec<usize>,
    condition_numbers: Decades,
}

/// Condition numbers at the same ratio from each to the next.
#[derive(Debug, Serialize)]
struct Decades {
    first: ConditionNumber,
    last: ConditionNumber,
    per_decade: u32,
}

/// The figure for one number of eigenvalues.
struct Curve {
    dim: usize,
    data: ConvergenceRatesData,
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
        config.dims = vec![6, 2];
        config.condition_numbers.per_decade = 1;
    })?;
    let curves = config.compute()?;

    let findings = curves.iter().flat_map(|curve| curve.findings(&paper)).collect();
    // The regimes depend on the momentum alone.
    let critical = curves.first().map(|curve| curve.data.critical_condition_number);
    let marks: Vec<Mark> =
        critical.map(|at| Mark { at, left: "under-damped", right: "over-damped" }).into_iter().collect();
    let ratio_caption = "Above 1 Lookahead is the faster one. Not in the paper: it shows by how much.";
    Ok(Analysis {
        artifact: NAME.to_owned(),
        scale: request.scale.name().to_owned(),
        command: request.command.clone(),
        config: serde_json::to_value(&config).unwrap_or_default(),
        findings,
        numbers: Map::from_iter([("critical_condition_number".to_owned(), json!(critical))]),
        pictures: vec![
            Picture {
                file: "figure.svg",
                title: format!("{}: {}", paper.figure, paper.title),
                caption: paper.caption.clone(),
                plots: vec![rate_plot(&config, &paper.axes, &curves, &marks)],
            },
            Picture {
                file: "ratios.svg",
                title: "Lookahead's convergence rate over momentum's".to_owned(),
                caption: ratio_caption.to_owned(),
                plots: vec![ratio_plot(&config, &paper.axes, &curves, &marks)],
            },
        ],
        maps: vec![],
        data: vec![data_file(&curves)],
        notes: notes(request, "6 and 2 eigenvalues, one condition number a decade"),
        seconds: start.elapsed().as_secs_f64(),
        environment: environment(DeviceConfig::CPU),
        paper,
    })
}

impl Decades {
    fn read(table: &Table<'_>) -> Read<Self> {
        table.accept(&["first", "last", "per_decade"])?;
        let per_decade = table.required("per_decade", |e| e.count_to(MOST_POINTS))?.get();
        let [first, last] = ["first", "last"].map(|key| table.required(key, |e| number(e, ConditionNumber::new)));
        let decades = Self { first: first?, last: last?, per_decade };
        match (0.0..f64::from(MOST_POINTS)).contains(&decades.steps()) {
            true => Ok(decades),
            false => {
                let accepted = format!("such that first <= last, with at most {MOST_POINTS} condition numbers");
                let key = if decades.steps() < 0.0 { "first" } else { "per_decade" };
                let value = if key == "first" { as_given(decades.first.get()) } else { per_decade.to_string() };
                Err(table.refuse(key, value, accepted))
            }
        }
    }

    /// The steps from the first to the last.
    fn steps(&self) -> f64 {
        (self.last.get() / self.first.get()).log10() * f64::from(self.per_decade)
    }
}

impl Config {
    fn read(table: &Table<'_>) -> Read<Self> {
        table.accept(&["momentum", "sync_period", "alpha", "inner_state", "shape", "dims", "condition_numbers"])?;
        let policies = [
            ("maintain", InnerStatePolicy::Maintain),
            ("interpolate", InnerStatePolicy::Interpolate),
            ("reset", InnerStatePolicy::Reset),
        ];
        let shapes =
            [("log", SpectrumShape::Log), ("uniform", SpectrumShape::Uniform), ("chebyshev", SpectrumShape::Chebyshev)];
        Ok(Self {
            momentum: table.required("momentum", |e| number(e, Momentum::new))?,
            sync_period: sync_period(table)?,
            alpha: table.required("alpha", |e| e.hyperparameter(Alpha::new))?,
            inner_state: table.required("inner_state", |e| e.one_of(&policies))?,
            shape: table.required("shape", |e| e.one_of(&shapes))?,
            dims: table
                .required("dims", |e| e.different(MOST_CURVES, "whole numbers", |e| whole(e, MOST_EIGENVALUES)))?,
            condition_numbers: Decades::read(&table.table("condition_numbers")?)?,
        })
    }

    fn compute(&self) -> Result<Vec<Curve>, Error> {
        let Decades { first, last, per_decade } = self.condition_numbers;
        let steps = self.condition_numbers.steps();
        // A whole number of steps, up to rounding, ends on `last` itself.
        let count = (steps + 1e-9).floor() as u32;
        let condition_number = |step| {
            let power = f64::from(step) / f64::from(per_decade);
            ConditionNumber::new((first.get() * 10_f64.powf(power)).clamp(first.get(), last.get()))
        };
        let condition_numbers = (0..=count).map(condition_number).collect::<Result<Vec<_>, _>>()?;
        let cycle = Cycle { sync_period: self.sync_period, alpha: self.alpha, inner_state: self.inner_state };
        let figure = |dim| {
            let condition_numbers = condition_numbers.clone();
            ConvergenceRates { momentum: self.momentum, cycle, shape: self.shape, dim, condition_numbers }
        };
        // All curves together have the time of one with as many eigenvalues.
        let all = self.dims.iter().fold(0, |sum: usize, &dim| sum.saturating_add(dim));
        let computed = || -> Result<Vec<Curve>, lookahead_theory::Error> {
            figure(all).check_work()?;
            self.dims.iter().map(|&dim| Ok(Curve { dim, data: figure(dim).compute()? })).collect()
        };
        computed().map_err(|error| naming(KEYS, "", self, error))
    }
}

impl Curve {
    /// Which eigenvalues it is of, in words.
    fn setting(&self) -> String {
        match self.dim {
            1 => "one eigenvalue".to_owned(),
            2 => "only the two ends of the spectrum".to_owned(),
            dim => format!("{dim} eigenvalues"),
        }
    }

    fn findings(&self, paper: &PaperFigure) -> Vec<Finding> {
        let ConvergenceRatesData { faster_under_damped: faster, slower_over_damped: slower, .. } = &self.data;
        let mut evidence = in_words(faster, "faster");
        if let (false, Some(last)) = (faster.holds_everywhere, self.faster_up_to()) {
            evidence += &format!(" The largest condition number at which it is faster is {}.", significant(last, 3));
        }
        let faster = finding(paper, "faster_under_damped", vec![faster.clone()], evidence);
        let how_slightly = slower.median_ratio.map_or(NO_POINT.to_owned(), |ratio| {
            let ratio = significant(ratio, 2);
            format!("In the median its rate is {ratio} times momentum's; we call {SLIGHTLY} and more slightly slower.")
        });
        let mut slight = finding(paper, "only_slightly_slower", vec![], how_slightly);
        slight.verdict = match slower.median_ratio {
            None => Outcome::NotJudged,
            Some(ratio) if ratio >= SLIGHTLY => Outcome::Holds,
            Some(_) => Outcome::DoesNotHold,
        };
        (slight.holds, slight.n) = (slight.verdict.holds(), slower.of);
        let slower = finding(paper, "slower_over_damped", vec![slower.clone()], in_words(slower, "slower"));
        let setting = |finding| Finding { setting: Some(self.setting()), ..finding };
        [faster, slower, slight].map(setting).into()
    }

    /// The largest condition number in the under-damped regime at which Lookahead is faster.
    fn faster_up_to(&self) -> Option<f64> {
        let points = self.data.points.iter();
        let faster = points.filter(|at| at.regime == Regime::UnderDamped && at.lookahead.rate > at.momentum.rate);
        faster.map(|at| at.condition_number.get()).max_by(f64::total_cmp)
    }

    fn points(&self, value: impl Fn(&ConditionPoint) -> f64) -> Vec<[f64; 2]> {
        self.data.points.iter().map(|point| [point.condition_number.get(), value(point)]).collect()
    }
}

fn in_words(claim: &Claim, so: &str) -> String {
    let ratios = [claim.least_ratio, claim.greatest_ratio, claim.median_ratio];
    let [Some(least), Some(greatest), Some(median)] = ratios.map(|ratio| Some(significant(ratio?, 2))) else {
        return NO_POINT.to_owned();
    };
    let Claim { count, of, .. } = claim;
    format!(
        "Lookahead is {so} at {count} of {of} condition numbers; its rate is {least} to {greatest} times momentum's, \
         {median} in the median."
    )
}

fn rate_plot(config: &Config, axes: &Axes, curves: &[Curve], marks: &[Mark]) -> XyPlot {
    // Momentum alone is as slow as at the ends of the spectrum, whatever lies between: one curve for all.
    let momentum = curves.first().map(|curve| XyCurve {
        label: "Classical momentum".to_owned(),
        tone: Tone::Ink,
        stroke: Stroke::Dashed,
        points: curve.points(|point| point.momentum.rate),
    });
    let lookahead =
        curves.iter().enumerate().map(|(index, curve)| lookahead(index, curve, |point| point.lookahead.rate));
    XyPlot {
        title: title(config),
        x: axes.x.clone(),
        y: axes.y.clone(),
        curves: momentum.into_iter().chain(lookahead).collect(),
        marks: marks.to_vec(),
        level: None,
    }
}

fn ratio_plot(config: &Config, axes: &Axes, curves: &[Curve], marks: &[Mark]) -> XyPlot {
    let ratio = |point: &ConditionPoint| point.lookahead.rate / point.momentum.rate;
    let curves = curves.iter().enumerate().map(|(index, curve)| lookahead(index, curve, ratio));
    XyPlot {
        title: title(config),
        x: axes.x.clone(),
        y: XyAxis { label: "Lookahead's rate / momentum's".to_owned(), scale: AxisScale::Log },
        curves: curves.collect(),
        marks: marks.to_vec(),
        level: Some(Level { at: 1.0, above: "Lookahead is faster", below: "momentum is faster" }),
    }
}

fn title(config: &Config) -> String {
    let Config { momentum, sync_period, alpha, .. } = config;
    let [momentum, alpha] = [momentum.get(), alpha.get()].map(as_given);
    format!("momentum {momentum}, k = {}, alpha = {alpha}", sync_period.get())
}

fn lookahead(index: usize, curve: &Curve, value: impl Fn(&ConditionPoint) -> f64) -> XyCurve {
    let label = format!("Lookahead, {}", curve.setting());
    XyCurve { label, tone: Tone::Hue(index), stroke: Stroke::Solid, points: curve.points(value) }
}

fn data_file(curves: &[Curve]) -> DataFile {
    let mut csv = Csv::new(&[
        "eigenvalues",
        "condition_number",
        "regime",
        "momentum_lr",
        "momentum_rate",
        "lookahead_lr",
        "lookahead_rate",
        "ratio",
    ]);
    for Curve { dim, data } in curves {
        for ConditionPoint { condition_number, regime, momentum, lookahead } in &data.points {
            let regime = match regime {
                Regime::UnderDamped => "under_damped",
                Regime::Critical => "critical",
                Regime::OverDamped => "over_damped",
                Regime::Alternating => "alternating",
            };
            let dim = dim.to_string();
            let rates = |rate: &Rate| [Cell::Number(rate.lr), Cell::Number(rate.rate)];
            let ([momentum_lr, momentum_rate], [lr, rate]) = (rates(momentum), rates(lookahead));
            let ratio = Cell::Number(lookahead.rate / momentum.rate);
            let kappa = Cell::Number(condition_number.get());
            csv.row(&[Cell::Text(&dim), kappa, Cell::Text(regime), momentum_lr, momentum_rate, lr, rate, ratio]);
        }
    }
    let holds =
        "one row for each condition number: the best learning rates, the convergence rates with them, their ratio";
    DataFile { file: "curves.csv", holds, text: csv.into_text() }
}
