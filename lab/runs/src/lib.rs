//! What runs leave on disk, and what is made of it without a network: the files of a run folder, which survive kills and
//! tell damage; measures and statistics over seeds; streams of random numbers; requests to stop.

#![deny(missing_docs)]

mod artifact;
mod columns;
mod current;
mod error;
pub mod files;
mod folder;
pub mod format;
pub mod json_log;
pub mod labels;
mod left_out;
mod measure;
mod metrics;
mod paper;
mod place;
pub mod printable;
mod quantity;
pub mod random;
mod record;
mod result;
mod run;
mod scale;
mod scores;
pub mod statistics;
mod stop;
mod surface;
mod trace;

pub use artifact::{Artifact, Candidate, Figure, Group, Source};
pub use columns::{COLUMNS, columns, wrapped};
pub use current::{Current, run_folder_of};
pub use error::FileError;
pub use folder::{check_files, folder_name, remove_file, remove_older};
pub use left_out::LeftOut;
pub use measure::Measure;
pub use metrics::MetricsRow;
pub use paper::{Expectation, Paper, PaperClaim, PaperValue};
pub use place::parse;
pub use printable::printable;
pub use quantity::{Facts, Margin, Quantity};
pub use record::write_result;
pub use result::{RunResult, WorkersResult};
pub use run::Run;
pub use scale::Scale;
pub use scores::Scores;
pub use stop::{Interrupted, Stop, Unsaved};
pub use surface::{PathBeside, Surface};
pub use trace::{Changes, TraceKind, TraceRow};
