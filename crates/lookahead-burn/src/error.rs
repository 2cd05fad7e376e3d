//! The one error type of this crate.

use burn::tensor::DType;

/// Why a configuration or a record was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A hyperparameter or a combination of them, refused by the core.
    #[error(transparent)]
    Hyperparameter(#[from] lookahead::Error),
    /// A policy that needs to see the inner state, around an optimizer that hides it.
    #[error("a ModuleOptimizer hides its state, so its policy can be maintain or reset, not interpolate")]
    HiddenState,
    /// Interpolation of a state that holds other than float tensors.
    #[error(
        "the inner rule's state {leaf:?} is not a float tensor, so it cannot be interpolated; maintain and reset work"
    )]
    NotInterpolable {
        /// The name of the tensor within the rule's state.
        leaf: String,
    },
    /// Interpolation of a state that does not survive Burn's own flattening.
    #[error(
        "the inner rule's state does not read back what it writes, so it cannot be interpolated; maintain and reset work"
    )]
    NotReadBack,
    /// An adaptive alpha, which reduces over all parameters, asked of a per-parameter rule.
    #[error(
        "a per-parameter rule cannot reduce over all parameters: the adaptive alpha needs the module-level Lookahead"
    )]
    AdaptivePerParameter,
    /// Slow weights in bf16 asked of a per-parameter rule.
    #[error(
        "a per-parameter rule keeps slow weights as precise as the fast ones: bf16 needs the module-level Lookahead"
    )]
    RoundedPerParameter,
    /// One `ParamId` at several places of a module that do not hold one parameter.
    #[error(
        "{first:?} and {second:?} have one ParamId but hold {difference}: layers made by clone() are one parameter. To tie \
         them, call tie_parameters on the module before its forward pass; to train them apart, make each by its init"
    )]
    TornParameter {
        /// The module path of the first place.
        first: String,
        /// The module path of a later place.
        second: String,
        /// What they hold.
        difference: &'static str,
    },
    /// A module that gives two parameters one path, by which a record could not tell them apart.
    #[error("the module has two parameters at the path {path:?}")]
    SamePath {
        /// The module path.
        path: String,
    },
    /// An entry of a record that is written a second time.
    #[error("the record holds {name:?} already")]
    WrittenTwice {
        /// The entry's name: its kind, then the module path.
        name: String,
    },
    /// A parameter, or its gradient, in a precision in which its device cannot compute.
    #[error(
        "the parameter {path:?} or its gradient is in {dtype:?}, in which {device} cannot compute: cast the module to a \
         precision that it has, as f32, before the first step"
    )]
    UnsupportedPrecision {
        /// The module path of the parameter.
        path: String,
        /// Its precision.
        dtype: DType,
        /// The device that holds it.
        device: String,
    },
    /// A device that failed, so that values could not be read from it.
    #[error("values could not be read from the device: {reason}")]
    ReadBack {
        /// What the device said.
        reason: String,
    },
    /// Statistics to be estimated from no batch at all.
    #[error("batch-norm statistics need at least one batch")]
    NoBatches,
    /// A record's bytes are damaged or are not a record.
    #[error("not a readable optimizer record: {reason}")]
    DamagedRecord {
        /// What showed it.
        reason: String,
    },
    /// A record was written by a version of this crate whose layout this one does not know.
    #[error("the optimizer record has layout version {found}, but this crate reads version {supported}")]
    UnknownVersion {
        /// The version in the record.
        found: u32,
        /// The version this crate reads and writes.
        supported: u32,
    },
    /// A record of another optimizer, or of other hyperparameters.
    #[error("the record was made with another optimizer: {name} was {found}, and is {expected} here")]
    OtherOptimizer {
        /// What differs first, and where: a hyperparameter, or "optimizer" for another kind of it.
        name: String,
        /// Its value here.
        expected: String,
        /// Its value when the record was made.
        found: String,
    },
    /// A tensor of the record that the model does not have.
    #[error("the record holds {name:?}, which the model does not have")]
    LeftInRecord {
        /// The entry's name: its kind, then the module path.
        name: String,
    },
    /// Something that the record ought to hold.
    #[error("the record does not hold {name:?}, which the model needs")]
    MissingInRecord {
        /// The entry's name: its kind, then the module path.
        name: String,
    },
    /// A tensor of another shape than the model's.
    #[error("the record holds {name:?} of shape {found:?}, the model has shape {expected:?}")]
    OtherShape {
        /// The entry's name: its kind, then the module path.
        name: String,
        /// The shape in the model.
        expected: Vec<usize>,
        /// The shape in the record.
        found: Vec<usize>,
    },
    /// A tensor of another precision than the model's.
    #[error("the record holds {name:?} in {found:?}, the model has {expected:?}")]
    OtherPrecision {
        /// The entry's name: its kind, then the module path.
        name: String,
        /// The precision of the model.
        expected: DType,
        /// The precision in the record.
        found: DType,
    },
    /// An entry that does not make sense to the rule it belongs to.
    #[error("the record's state of parameter {path:?} does not fit the inner rule")]
    UnreadableState {
        /// The module path of the parameter.
        path: String,
    },
}
