//! The one error type of this crate: what was wrong, where, and what is accepted.

/// Why a value, a parameter set or a snapshot was refused.
///
/// Nothing here can arise inside a step: every value is checked when it is made.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A hyperparameter lies outside its range.
    #[error("{name} is {value}, but must be {accepted}")]
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
    #[error("the outer sync period {outer} is not a multiple of the inner sync period {inner}")]
    PeriodsDoNotNest {
        /// The outer sync period, in gradient steps.
        outer: u32,
        /// The inner sync period, in gradient steps.
        inner: u32,
    },
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
    /// A snapshot was taken with other hyperparameters.
    #[error("the snapshot was taken with another optimizer:\n  snapshot: {found}\n  here:     {expected}")]
    OtherOptimizer {
        /// The optimizer it is to be restored into.
        expected: String,
        /// The optimizer it was taken from.
        found: String,
    },
    /// A snapshot's tensors are not those of the parameter set it is restored into.
    #[error("the snapshot does not fit these parameters: {reason}")]
    OtherParameters {
        /// The first difference, with the tensor's name.
        reason: String,
    },
}

/// Checks a hyperparameter, naming it, its value and its range in the error.
pub(crate) fn accept(name: &'static str, value: f64, ok: bool, accepted: &'static str) -> Result<f64, Error> {
    if ok { Ok(value) } else { Err(Error::OutOfRange { name, value, accepted }) }
}
