//! The program as a user drives it: the commands, bad input, and runs that are stopped in every way.

mod analyses;
mod bad_input;
mod commands;
mod kept;
mod language;
mod resume;
mod support;
mod sweeps;
mod theory;
