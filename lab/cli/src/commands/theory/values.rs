//! Values of the command line: words and numbers, checked when they are read.

use std::path::PathBuf;

use lookahead::{Alpha, InnerStatePolicy, OuterForm, OuterMomentum, OuterRate, SyncPeriod};
use lookahead_runs::format::as_given;
use lookahead_theory::{ConditionNumber, Momentum, Noise};

/// Where the eigenvalues come from.
#[derive(Debug, Clone)]
pub enum SpectrumName {
    Chebyshev,
    Log,
    Uniform,
    Harmonic,
    File(PathBuf),
}

/// The noise, or the file that lists it.
#[derive(Debug, Clone)]
pub enum NoiseName {
    Rule(Noise),
    File(PathBuf),
}

pub fn spectrum(text: &str) -> Result<SpectrumName, String> {
    Ok(match text {
        "chebyshev" => SpectrumName::Chebyshev,
        "log" => SpectrumName::Log,
        "uniform" => SpectrumName::Uniform,
        "harmonic" => SpectrumName::Harmonic,
        _ => match text.strip_prefix("file:").filter(|path| !path.is_empty()) {
            Some(path) => SpectrumName::File(path.into()),
            None => return Err("must be chebyshev, log, uniform, harmonic or file:PATH".to_owned()),
        },
    })
}

pub fn noise(text: &str) -> Result<NoiseName, String> {
    let (kind, value) = text.split_once(':').map_or((text, None), |(kind, value)| (kind, Some(value)));
    Ok(match (kind, value) {
        ("inverse", None) => NoiseName::Rule(Noise::InverseCurvature),
        ("curvature", None) => NoiseName::Rule(Noise::Curvature),
        ("constant", Some(value)) => {
            let accepted = "the variance after constant: must be a finite number of at least 0";
            let variance = number(value).ok().filter(|&value| value >= 0.0 && value.is_finite());
            // Adding 0 makes a negative zero a plain one.
            NoiseName::Rule(Noise::Constant(variance.ok_or(accepted)? + 0.0))
        }
        ("file", Some(path)) if !path.is_empty() => NoiseName::File(path.into()),
        _ => return Err("must be inverse, curvature, constant:V or file:PATH".to_owned()),
    })
}

pub fn inner_state(text: &str) -> Result<InnerStatePolicy, String> {
    Ok(match text {
        "maintain" => InnerStatePolicy::Maintain,
        "interpolate" => InnerStatePolicy::Interpolate,
        "reset" => InnerStatePolicy::Reset,
        _ => return Err("must be maintain, interpolate or reset".to_owned()),
    })
}

pub fn alpha(text: &str) -> Result<Alpha, String> {
    let value = number(text)?;
    Alpha::new(value).map_err(|error| refused("alpha", value, error))
}

/// What the core says of a number, with the number as it was given.
fn refused(name: &str, value: f64, error: lookahead::Error) -> String {
    match error {
        lookahead::Error::OutOfRange { accepted, .. } => {
            format!("{name} is {}, but must be {accepted}", as_given(value))
        }
        other => other.to_string(),
    }
}

pub fn outer_form(text: &str) -> Result<OuterForm, String> {
    Ok(match text {
        "nesterov" => OuterForm::Nesterov,
        "heavy-ball" => OuterForm::HeavyBall,
        _ => return Err("must be nesterov or heavy-ball".to_owned()),
    })
}

pub fn outer_momentum(text: &str) -> Result<OuterMomentum, String> {
    let value = number(text)?;
    OuterMomentum::new(value).map_err(|error| refused("mu", value, error))
}

pub fn outer_rate(text: &str) -> Result<OuterRate, String> {
    let value = number(text)?;
    OuterRate::new(value).map_err(|error| refused("eta", value, error))
}

pub fn momentum(text: &str) -> Result<Momentum, String> {
    Momentum::new(number(text)?).map_err(|error| error.to_string())
}

pub fn condition_number(text: &str) -> Result<ConditionNumber, String> {
    ConditionNumber::new(number(text)?).map_err(|error| error.to_string())
}

pub fn sync_period(text: &str) -> Result<SyncPeriod, String> {
    let period = text.parse().ok().and_then(|period| SyncPeriod::new(period).ok());
    period.ok_or_else(|| format!("must be a whole number from 1 to {}", u32::MAX))
}

/// A whole number from `LEAST` to `MOST`.
pub fn whole<const LEAST: u64, const MOST: u64>(text: &str) -> Result<u64, String> {
    let number = text.parse().ok().filter(|number| (LEAST..=MOST).contains(number));
    number.ok_or_else(|| format!("must be a whole number from {LEAST} to {MOST}"))
}

pub fn number(text: &str) -> Result<f64, String> {
    text.parse().map_err(|_| "must be a number".to_owned())
}
