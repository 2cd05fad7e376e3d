//! The workers over MPI: built with it, the laws and the faults under `mpirun` with 2 and 4 ranks.

use std::path::Path;

use anyhow::Result;

use super::command::{self, command, works};

pub fn check(root: &Path) -> Result<()> {
    // Open MPI's, the compiler with which the bindings are made too
    if !["mpirun", "mpicc"].iter().all(|program| works(&mut command(root, &format!("{program} --version")))) {
        println!("\nnot tested: workers over MPI (openmpi-bin, libopenmpi-dev and libclang-dev)");
        return Ok(());
    }
    let package = "--package lookahead-mpi --features mpi";
    command::check(&mut command(root, &format!("cargo clippy {package} --all-targets -- -D warnings")))?;
    command::check(command(root, &format!("cargo doc {package} --no-deps --lib")).env("RUSTDOCFLAGS", "-D warnings"))?;
    command::check(&mut command(root, &format!("cargo test {package} --test mpirun")))
}
