//! The libraries and the program, built as people build them: without what our tests add to the dependencies' features.

use std::path::Path;

use anyhow::Result;

use super::command::{self, command};

/// The kernels of GPUs are there with a runtime alone: they are checked here and run by the check `device`.
const KERNELS: &str = "cargo clippy --package lookahead-burn --features wgpu --lib --test kernels -- -D warnings";

/// What the lab does with devices is behind the same feature.
const LAB: &str = "cargo check --package lookahead-training --features wgpu --all-targets";

/// The features that a library is checked with, beside all of its defaults, which `packages` checks.
const COMBINATIONS: [(&str, &[&str]); 2] = [
    ("lookahead-optim", &["", "rayon", "serde", "rayon,serde", "simd"]),
    // `flex` and `rayon` alone would each build Burn anew, for minutes: that is left out.
    ("lookahead-burn", &["", "serde"]),
];

pub fn check(root: &Path) -> Result<()> {
    for (package, combinations) in COMBINATIONS {
        for features in combinations {
            let line = format!("cargo clippy --package {package} --no-default-features --features={features}");
            // How large a variant is depends on the backend's buffers.
            command::check(command(root, &line).args(["--", "-D", "warnings", "-A", "clippy::large_enum_variant"]))?;
        }
    }
    command::check(&mut command(root, KERNELS))?;
    command::check(&mut command(root, LAB))?;
    command::check(&mut command(root, "cargo check"))
}
