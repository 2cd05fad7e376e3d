//! The one error type of this crate: what was wrong, where, and what is accepted.

/// Why a value, a parameter set or a snapshot was refused.
///
/// Nothing here can arise inside a step: every value is checked when it is made.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A hyperparameter lies outside its range.
    #[error("{name} is {}, but must be {accepted}", short(*value))]
    OutOfRange {
        /// The hyperparameter.
        name: &'static str,
        /// What was given.
        value: f64,
        /// What would have been accepted.
        accepted: &'static str,
    },
    /// The changes of a schedule are not in rising order of the outer step.
    #[error("schedule change number {position} is at outer step {at}, but must come after outer step {after}")]
    UnorderedSchedule {
        /// Which change, counted from 0.
        position: usize,
        /// The outer step it was given for.
        at: u64,
        /// The outer step of the change before it (the first value stands at outer step 0).
        after: u64,
    },
    /// An outer Lookahead would sync in the middle of an inner cycle.
    #[error(
        "the outer sync after gradient step {step} (outer step {outer_step}, sync period {outer}) comes {phase} steps into an \
         inner cycle of {inner}, but must end one"
    )]
    PeriodsDoNotNest {
        /// The outer sync period then, in gradient steps.
        outer: u32,
        /// The inner sync period then, in gradient steps.
        inner: u32,
        /// The outer step, counted from 0, whose end is the first to do so.
        outer_step: u64,
        /// The gradient step, counted from 1, at whose end it is.
        step: u64,
        /// How far the inner cycle is by then.
        phase: u32,
    },
    /// Prop. 1's estimate asked for over slow weights that are rounded.
    #[error(
        "an adaptive alpha needs slow weights in full precision: with bf16 slow weights d.A d is that of their rounding"
    )]
    AdaptiveOverRounded,
    /// An outer momentum asked for over slow weights that are rounded.
    #[error("an outer momentum needs slow weights in full precision, not bf16")]
    MomentumOverRounded,
    /// Two tensors of a parameter set share a name.
    #[error("two tensors are named {name:?}")]
    DuplicateName {
        /// The name.
        name: String,
    },
    /// A tensor holds more or fewer values than its shape says.
    #[error("tensor {name:?} has shape {shape:?}, so {expected} values, but {found} were given")]
    WrongLength {
        /// The tensor.
        name: String,
        /// Its shape.
        shape: Vec<usize>,
        /// The number of values of that shape.
        expected: usize,
        /// The number of values given.
        found: usize,
    },
    /// The number of gradients is not the number of tensors.
    #[error("{found} gradients were given for {expected} tensors (a tensor without one takes `None`)")]
    WrongCount {
        /// How many tensors there are.
        expected: usize,
        /// How many gradients were given.
        found: usize,
    },
    /// A snapshot's bytes are damaged or are not a snapshot.
    #[error("not a readable snapshot: {reason}")]
    DamagedSnapshot {
        /// What showed it.
        reason: String,
    },
    /// A snapshot was written by a version of this crate whose layout this one does not know.
    #[error("the snapshot has layout version {found}, but this crate reads version {supported}")]
    UnknownVersion {
        /// The version in the snapshot.
        found: u32,
        /// The version this crate reads and writes.
        supported: u32,
    },
    /// What was saved is of another optimizer, or of other hyperparameters.
    #[error("it was saved with another optimizer: {name} was {found}, and is {expected} here")]
    OtherOptimizer {
        /// What differs first, and where: a hyperparameter, or "optimizer" for another kind of it.
        name: String,
        /// Its value here.
        expected: String,
        /// Its value when it was saved.
        found: String,
    },
    /// A snapshot's tensors are not those of the parameter set it is restored into.
    #[error("the snapshot does not fit these parameters: {reason}")]
    OtherParameters {
        /// The first difference, with the tensor's name.
        reason: String,
    },
}

/// A number without rows of zeros.
fn short(value: f64) -> String {
    let is_plain = value == 0.0 || !value.is_finite() || (1e-5..1e16).contains(&value.abs());
    if is_plain { value.to_string() } else { format!("{value:e}") }
}

/// Checks a hyperparameter, naming it, its value and its range in the error.
/// Also refuses a value that `f32` rounds out of the range: with one it would be another optimizer than with `f64`.
pub(crate) fn accept_in_single(
    name: &'static str,
    value: f64,
    is_in: impl Fn(f64) -> bool,
    accepted: &'static str,
) -> Result<f64, Error> {
    accept(name, value, is_in(value), accepted)?;
    accept(name, value, is_in(f64::from(value as f32)), "in its range as the nearest f32 too")
}

pub(crate) fn accept(name: &'static str, value: f64, ok: bool, accepted: &'static str) -> Result<f64, Error> {
    if ok { Ok(value) } else { Err(Error::OutOfRange { name, value, accepted }) }
}
