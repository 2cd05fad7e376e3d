//! Ctrl-C and the request to terminate: the program ends as soon as nothing is lost by it, and at once at a second one.

use std::io::{self, Write};
use std::process::exit;
use std::sync::Once;
use std::thread;

use lookahead_runs::Stop;

use crate::INTERRUPTED;
use crate::commands::shell_word;

/// Handles the signals from here on; gives the request that a signal makes.
///
/// # Errors
/// [`ctrlc::Error`] where the system does not let it.
pub fn handle() -> Result<Stop, ctrlc::Error> {
    let stop = Stop::new();
    let asked = stop.clone();
    ctrlc::set_handler(move || {
        if !asked.ask() {
            exit(INTERRUPTED.into());
        }
        let asked = asked.clone();
        // Not here, where the second signal would wait. Without this thread the work itself still sees the request.
        let end = thread::Builder::new().spawn(move || {
            asked.wait_until_saved();
            say_interrupted();
            exit(INTERRUPTED.into());
        });
        drop(end);
    })?;
    Ok(stop)
}

/// Says once how to go on.
pub fn say_interrupted() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let words = std::env::args_os().skip(1).map(|word| shell_word(&word.to_string_lossy()));
        let command: Vec<String> = ["lookahead".to_owned()].into_iter().chain(words).collect();
        // If nobody reads it, the exit code still says it.
        let _ = writeln!(io::stderr(), "interrupted; the same command continues: {}", command.join(" "));
    });
}
