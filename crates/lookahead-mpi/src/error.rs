//! The one error type of this crate, and the exit codes that its kinds end a job with.

use lookahead::collective::CollectiveError;

/// Why workers cannot begin, go on or be saved together.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The other ranks.
    #[error(transparent)]
    Collective(#[from] CollectiveError),
    /// A hyperparameter, or a state that is of other tensors.
    #[error(transparent)]
    Optimizer(#[from] lookahead::Error),
    /// A reduction would have to start before its cycle.
    #[error("a delay of {delay} steps does not fit into a cycle of {period}: it must be below k")]
    DelayTooLong {
        /// The delay, in inner steps.
        delay: u32,
        /// The shortest sync period, in inner steps.
        period: u32,
    },
    /// A Lookahead that has no form with several workers.
    #[error("the slow step over several workers takes no {what}")]
    Unsupported {
        /// What it has.
        what: &'static str,
    },
    /// Tensors that are not those that the workers began with.
    #[error("{what} hold {found} values, not {expected}")]
    WrongLength {
        /// Which tensors.
        what: &'static str,
        /// How many values there were in the beginning.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// A checkpoint could not be written on some rank; that of before is whole on all.
    #[error("rank {rank} cannot write its checkpoint: {reason}; the one before is kept")]
    NotSaved {
        /// The first such rank.
        rank: usize,
        /// What the system said.
        reason: String,
    },
    /// A checkpoint of this number is there on all ranks.
    #[error("there is a checkpoint number {outer} already: each save needs a number of its own")]
    AlreadySaved {
        /// The number that was given for its outer step.
        outer: u64,
    },
    /// Checkpoints of another number of workers.
    #[error("the checkpoints are of {found} workers, but {here} are here")]
    OtherWorkers {
        /// Of how many they are.
        found: usize,
        /// How many there are.
        here: usize,
    },
    /// No outer step of which every rank has a whole checkpoint.
    #[error("rank {rank} has no whole checkpoint of an outer step that the others have")]
    NoCommonCheckpoint {
        /// The first rank without.
        rank: usize,
    },
    /// Bytes that are no state of these hyperparameters and tensors.
    #[error("not a readable state of the slow step: {reason}")]
    DamagedState {
        /// What showed it.
        reason: String,
    },
    /// MPI could not be started.
    #[error("MPI could not be started: {reason}")]
    NotStarted {
        /// What showed it.
        reason: String,
    },
    /// All ranks have agreed to stop, because one was asked to.
    #[error("stopped as asked to, after a checkpoint")]
    Stopped,
}

impl Error {
    /// What a job ends with: 75 after a deadline, 78 where ranks differ or a configuration is refused, 74 for checkpoints, 69
    /// without a connection, 130 when it was asked to stop. A panic ends it with 101.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Collective(CollectiveError::Deadline { .. }) => 75,
            Self::Collective(CollectiveError::Differs { .. })
            | Self::Optimizer(_)
            | Self::DelayTooLong { .. }
            | Self::Unsupported { .. }
            | Self::WrongLength { .. }
            | Self::OtherWorkers { .. } => 78,
            Self::NotSaved { .. }
            | Self::AlreadySaved { .. }
            | Self::NoCommonCheckpoint { .. }
            | Self::DamagedState { .. } => 74,
            Self::Collective(_) | Self::NotStarted { .. } => 69,
            Self::Stopped => 130,
        }
    }
}
