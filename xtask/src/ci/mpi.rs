//! The workers over MPI: built with it, the laws, the faults and the program under `mpirun` with 2 and 4 ranks.

use std::path::Path;

use anyhow::Result;

use super::command::{self, command, works};

const DOC: &str = "cargo doc --package lookahead-mpi --features mpi --no-deps --lib";

pub fn check(root: &Path) -> Result<()> {
    // Open MPI's, the compiler with which the bindings are made too
    if !["mpirun", "mpicc"].iter().all(|program| works(&mut command(root, &format!("{program} --version")))) {
        println!("\nnot tested: workers over MPI (openmpi-bin, libopenmpi-dev and libclang-dev)");
        return Ok(());
    }
    command::check(command(root, DOC).env("RUSTDOCFLAGS", "-D warnings"))?;
    // With the whole workspace, so that dependencies have the features that they have been built with.
    let features = "--workspace --features lookahead-mpi/mpi,lookahead-lab/mpi";
    command::check(&mut command(root, &format!("cargo clippy {features} --all-targets -- -D warnings")))?;
    command::check(&mut command(root, &format!("cargo test {features} --test mpirun")))
}
