//! The laws and the faults under a real `mpirun`, by this same program: it launches itself, and is a rank where it finds a task.
//! Skipped, with a message, where there is no `mpirun`; the parts that need root or namespaces, where there are none.

mod faults;
mod hosts;
mod launch;
#[path = "../laws/mod.rs"]
mod laws;
mod rank;

use std::process::ExitCode;

fn main() -> ExitCode {
    if let Ok(task) = std::env::var(launch::TASK) {
        return rank::main(&task);
    }
    if !launch::works("mpirun", &["--version"]) {
        println!("not tested: over MPI, because there is no mpirun (openmpi-bin)");
        return ExitCode::SUCCESS;
    }
    for ranks in [1, 2, 4] {
        let run = launch::Run::new(ranks, "laws");
        launch::timed(&format!("the laws with {ranks} ranks"), || assert_eq!(run.finish().code, Some(0)));
    }
    faults::check();
    hosts::check();
    ExitCode::SUCCESS
}
