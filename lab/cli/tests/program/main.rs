//! The program as a user drives it: the commands, bad input, and runs that are stopped in every way.

mod analyses;
mod bad_input;
mod columns;
mod commands;
mod config;
mod data;
mod devices;
mod faults;
mod fresh;
mod interrupts;
mod kept;
mod language;
mod left_out;
mod long_sentences;
mod packaging;
mod plans;
mod reports;
mod resume;
mod run_folders;
mod strange_files;
mod support;
mod sweeps;
mod theory;
mod theory_extremes;
mod workers;
