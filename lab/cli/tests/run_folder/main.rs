//! Run folders that were damaged: the same result or an error, never another result.

mod files;
mod law;
mod runs;
