//! Options that several questions share: the spectrum, the noise, and one cycle of Lookahead.

use std::path::Path;

use lookahead::{Alpha, InnerStatePolicy, OuterForm, OuterMomentum, OuterRate, SyncPeriod};
use lookahead_runs::format::{as_given, significant};
use lookahead_runs::printable::printable_path;
use lookahead_theory::{
    ConditionNumber, Cycle, Eigenvalues, Error, MOST_EIGENVALUES, Momentum, Noise, NoisyQuadratic, OuterCycle, Spectrum,
};

use super::values::{self, NoiseName, SpectrumName};

const DIM: usize = 100;
const MOST: u64 = MOST_EIGENVALUES as u64;

#[derive(Debug, clap::Args)]
pub struct SpectrumOptions {
    /// The eigenvalues: chebyshev (Li's worst case), log, uniform, harmonic (1, 1/2, 1/3, ...), or file:PATH with one
    /// on each line.
    #[arg(long, value_name = "NAME", default_value = "chebyshev", value_parser = values::spectrum)]
    spectrum: SpectrumName,
    /// How many eigenvalues, if they are not from a file; at most a million [default: 100].
    #[arg(long, value_name = "N", value_parser = values::whole::<1, MOST>, allow_negative_numbers = true)]
    dim: Option<u64>,
    /// The largest eigenvalue, which is 1, over the smallest, from 1 to 1e100; that of harmonic is N [default: 1000].
    #[arg(long, value_name = "KAPPA", value_parser = values::condition_number, allow_hyphen_values = true)]
    condition_number: Option<ConditionNumber>,
}

impl SpectrumOptions {
    pub fn eigenvalues(&self) -> anyhow::Result<Eigenvalues> {
        let dim = self.dim.map_or(DIM, |dim| dim as usize);
        let condition_number = self.condition_number.unwrap_or(ConditionNumber::THOUSAND);
        let spectrum = match &self.spectrum {
            SpectrumName::Chebyshev => Spectrum::Chebyshev { dim, condition_number },
            SpectrumName::Log => Spectrum::Log { dim, condition_number },
            SpectrumName::Uniform => Spectrum::Uniform { dim, condition_number },
            SpectrumName::Harmonic => {
                self.check_fits("--spectrum harmonic", dim as f64)?;
                Spectrum::Harmonic { dim }
            }
            SpectrumName::File(file) => {
                let eigenvalues = Eigenvalues::from_file(file).map_err(of_file(file))?;
                let found = eigenvalues.as_slice().len();
                if let Some(dim) = self.dim.filter(|&dim| dim != found as u64) {
                    let accepted = format!("{found}, the number of eigenvalues in {}", printable_path(file));
                    return Err(super::refused(Error::OutOfRange { name: "--dim", value: dim as f64, accepted }));
                }
                self.check_fits("the file", eigenvalues.condition_number())?;
                return Ok(eigenvalues);
            }
        };
        spectrum.eigenvalues().map_err(super::refused)
    }

    /// A condition number that a spectrum brings along may be given all the same, if it is the right one.
    fn check_fits(&self, of: &str, condition_number: f64) -> anyhow::Result<()> {
        match self.condition_number.map(ConditionNumber::get) {
            Some(value) if value != condition_number => {
                let accepted = format!("{}, which {of} has, or left out", as_given(condition_number));
                Err(super::refused(Error::OutOfRange { name: "--condition-number", value, accepted }))
            }
            _ => Ok(()),
        }
    }

    /// The spectrum in words.
    pub fn in_words(&self, eigenvalues: &Eigenvalues) -> String {
        let name = match &self.spectrum {
            SpectrumName::Chebyshev => "chebyshev".to_owned(),
            SpectrumName::Log => "log".to_owned(),
            SpectrumName::Uniform => "uniform".to_owned(),
            SpectrumName::Harmonic => "harmonic".to_owned(),
            SpectrumName::File(file) => printable_path(file),
        };
        let condition_number = significant(eigenvalues.condition_number(), 6);
        format!("{name}, {} eigenvalues, condition number {condition_number}", eigenvalues.as_slice().len())
    }
}

#[derive(Debug, clap::Args)]
pub struct NoiseOptions {
    /// The covariance of the noise: inverse (of the curvature, the paper's), curvature, constant:V, or file:PATH with
    /// one variance on each line.
    #[arg(long, value_name = "NAME", default_value = "inverse", value_parser = values::noise)]
    noise: NoiseName,
}

impl NoiseOptions {
    pub fn problem(&self, eigenvalues: Eigenvalues) -> anyhow::Result<NoisyQuadratic> {
        let read;
        let noise = match &self.noise {
            NoiseName::Rule(noise) => noise,
            NoiseName::File(file) => {
                read = Noise::from_file(file).map_err(of_file(file))?;
                &read
            }
        };
        NoisyQuadratic::new(eigenvalues, noise).map_err(super::refused)
    }

    /// The noise in words.
    pub fn in_words(&self) -> String {
        match &self.noise {
            NoiseName::Rule(Noise::Curvature) => "curvature".to_owned(),
            NoiseName::Rule(Noise::Constant(variance)) => format!("constant {}", as_given(*variance)),
            NoiseName::Rule(_) => "inverse curvature".to_owned(),
            NoiseName::File(file) => printable_path(file),
        }
    }
}

/// The inner optimizer's memory, and what a sync does to it.
#[derive(Debug, clap::Args)]
pub struct MomentumOptions {
    /// The momentum beta of heavy-ball SGD, at least 0 and below 1; 0 is plain SGD.
    #[arg(long, value_name = "BETA", default_value = "0",
        value_parser = values::momentum, allow_hyphen_values = true)]
    pub momentum: Momentum,
    /// What a sync does to the velocity: maintain, interpolate or reset.
    #[arg(long, value_name = "POLICY", default_value = "maintain", value_parser = values::inner_state)]
    pub inner_state: InnerStatePolicy,
}

/// One k and one alpha.
#[derive(Debug, clap::Args)]
pub struct PairOptions {
    /// The inner steps from one sync to the next.
    #[arg(long, value_name = "K", default_value = "5",
        value_parser = values::sync_period, allow_negative_numbers = true)]
    pub k: SyncPeriod,
    /// How far the slow weights go at a sync, above 0 and at most 1.
    #[arg(long, value_name = "ALPHA", default_value = "0.5",
        value_parser = values::alpha, allow_hyphen_values = true)]
    pub alpha: Alpha,
}

impl PairOptions {
    pub fn cycle(&self, inner_state: InnerStatePolicy) -> Cycle {
        Cycle { sync_period: self.k, alpha: self.alpha, inner_state }
    }
}

/// An outer step with a learning rate and momentum of its own, as Lookahead's descendants have; any of these asks for it.
#[derive(Debug, clap::Args)]
pub struct OuterOptions {
    /// Also an outer step with momentum, of this form: nesterov (SNOO, MuLoCo, DiLoCo) or heavy-ball (SlowMo)
    /// [default: nesterov].
    #[arg(long, value_name = "FORM", value_parser = values::outer_form)]
    outer: Option<OuterForm>,
    /// Its momentum mu, at least 0 and below 1 [default: 0].
    #[arg(long, value_name = "MU", value_parser = values::outer_momentum, allow_hyphen_values = true)]
    outer_momentum: Option<OuterMomentum>,
    /// Its learning rate eta, above 0 [default: ALPHA].
    #[arg(long, value_name = "ETA", value_parser = values::outer_rate, allow_hyphen_values = true)]
    eta: Option<OuterRate>,
}

impl OuterOptions {
    /// The cycle asked for, with the k of `pair`.
    pub fn cycle(&self, pair: &PairOptions, inner_state: InnerStatePolicy) -> Option<OuterCycle> {
        let Self { outer, outer_momentum, eta } = self;
        (outer.is_some() || outer_momentum.is_some() || eta.is_some()).then(|| OuterCycle {
            sync_period: pair.k,
            rate: eta.unwrap_or_else(|| pair.alpha.into()),
            momentum: outer_momentum.unwrap_or(OuterMomentum::ZERO),
            form: outer.unwrap_or_default(),
            inner_state,
        })
    }
}

/// An error of a file of numbers, with the name of the file.
fn of_file(file: &Path) -> impl FnOnce(Error) -> anyhow::Error {
    move |error| match error {
        Error::Empty { .. } => super::refused(error).context(printable_path(file)),
        // The others name it.
        _ => super::refused(error),
    }
}

/// What a table calls it.
pub fn name_of(cycle: &OuterCycle) -> String {
    let form = match cycle.form {
        OuterForm::Nesterov => "Nesterov",
        OuterForm::HeavyBall => "heavy ball",
    };
    let [eta, mu] = [cycle.rate.get(), cycle.momentum.get()].map(as_given);
    format!("{form}, eta {eta}, mu {mu}")
}
