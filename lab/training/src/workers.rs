//! Several workers that train one model: each has a share of the data, and they meet at each step, or at each sync.

mod checkpoint;
mod gradients;
mod parameters;
mod parts;
mod share;
mod team;
mod tell;
mod threads;

pub(crate) use self::parts::parts;
pub use self::share::Share;
pub(crate) use self::team::Team;
pub(crate) use self::tell::tell;
pub(crate) use self::threads::on_threads;
pub use lookahead_mpi::Shared;
