//! Tests on a device of the kind of GPUs, by a Vulkan driver that computes on the processor where none is named.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::command::{self, command};

/// Where systems keep Mesa's llvmpipe.
const LLVMPIPE: [&str; 2] = ["/usr/share/vulkan/icd.d/lvp_icd.x86_64.json", "/usr/share/vulkan/icd.d/lvp_icd.json"];
/// Where Debian's Chromium keeps its own driver, which is slower and asks for a loader that does not come with it.
const SWIFTSHADER: [&str; 1] = ["/usr/lib/chromium/vk_swiftshader_icd.json"];

const RUNTIME: &str = "XDG_RUNTIME_DIR";
/// By which the loader finds a driver.
const DRIVER: &str = "VK_ICD_FILENAMES";

/// The device that the tests are to run on: `wgpu`, or what this names, such as `cuda`.
const DEVICE: &str = "LOOKAHEAD_TEST_DEVICE";

/// Burn is built once for both packages, in a profile of its own: the backend and what it needs take most of the time.
const PACKAGES: &str = "cargo test --profile device --package lookahead-burn --package lookahead-training";

/// What the program adds to a backend: operations fused, and convolutions and products chosen by timing.
const OF_THE_PROGRAM: &str = "lookahead-burn/fusion,burn/autotune";

/// Built unoptimised: twelve minutes of one core from nothing. Tests are some eight times slower then; these take seconds still.
const PART: &str = "cargo test --profile device --package lookahead-burn --features wgpu --test average --test batch_norm \
                    --test clip --test half_precision --test kernels --test moves --test record --test waits";

/// Left out is what takes minutes on such a driver: most of the laws, and what resumes at every moment.
const TESTS: &str = "--test average --test batch_norm --test clip --test device --test golden --test half_precision \
                     --test kernels --test moves --test new_hyperparameters --test record --test waits";

/// Of 3,044 the 227 laws, in about six minutes of one core, of what is another matter on a device: kernels of rules with
/// moments and of an outer momentum, "interpolate" after them, both forms, a `ModuleOptimizer`, slow weights on the host, and
/// tensor operations under Burn's own rules. The others by hand (CONTRIBUTING.md).
const LAWS: [&str; 8] = [
    "single::adam::",
    "single::nested_heavy_ball::",
    "single_with_momentum::heavy_ball::",
    "per_parameter::adam::",
    "per_parameter_with_momentum::heavy_ball::",
    "boxed::sgd::",
    "on_host::heavy_ball::",
    "stock::adam_w::",
];
/// Whose name has `single` in it too.
const NO_LAWS: &str = "rounded_single";

/// All of it; and that what trains and what is timed builds for the device.
pub fn check(root: &Path) -> Result<()> {
    let kind = env::var(DEVICE).ok();
    let missing = "no Vulkan driver that computes on the processor: install libvulkan1 and mesa-vulkan-drivers, or name a \
                   driver in VK_ICD_FILENAMES, or a device in LOOKAHEAD_TEST_DEVICE";
    // A device that is named is tested with the drivers that this machine has.
    let driver = match &kind {
        Some(_) => None,
        None => Some(driver(&[&LLVMPIPE[..], &SWIFTSHADER].concat()).context(missing)?),
    };
    let kind = kind.unwrap_or_else(|| "wgpu".to_owned());
    let feature = kind.split(':').next().unwrap_or_default();
    let backend = format!("{PACKAGES} --features lookahead-burn/{feature},lookahead-training/{feature}");
    let laws = format!("--test laws -- {} --skip {NO_LAWS}", LAWS.join(" "));
    for tests in [TESTS, &laws] {
        on_device(&mut command(root, &format!("{backend} {tests}")), &kind, driver.as_deref())?;
    }
    each_finds_tests(&LAWS, &command::said(root, &format!("{backend} --test laws -- --list --format terse"))?)?;
    on_device(
        &mut command(root, &format!("{backend},{OF_THE_PROGRAM} --test device --test kernels --test waits")),
        &kind,
        driver.as_deref(),
    )?;
    let check = "cargo check --profile device --package lookahead-lab --package lookahead-bench";
    command::check(&mut command(root, &format!("{check} --features lookahead-lab/{feature},lookahead-bench/{feature}")))
}

/// The part that every change must pass, where llvmpipe is installed.
pub fn check_part(root: &Path) -> Result<()> {
    let Some(driver) = driver(&LLVMPIPE) else {
        println!("\nnot tested: on a device of the kind of GPUs (libvulkan1 and mesa-vulkan-drivers)");
        return Ok(());
    };
    on_device(command(root, PART).env("CARGO_PROFILE_DEVICE_OPT_LEVEL", "0"), "wgpu", Some(&driver))
}

/// A filter that finds no test would pass in silence.
fn each_finds_tests(filters: &[&str], listed: &str) -> Result<()> {
    for filter in filters {
        let mut tests = listed.lines().filter(|line| line.ends_with(": test") && !line.contains(NO_LAWS));
        ensure!(tests.any(|test| test.contains(filter)), "no law that is tested on a device is called `{filter}…`");
    }
    Ok(())
}

fn driver(known: &[&str]) -> Option<PathBuf> {
    let known = || known.iter().map(PathBuf::from).find(|driver| driver.exists());
    env::var_os(DRIVER).map(PathBuf::from).or_else(known)
}

fn on_device(tests: &mut Command, kind: &str, driver: Option<&Path>) -> Result<()> {
    tests.env(DEVICE, kind);
    if let Some(driver) = driver {
        tests.env(DRIVER, driver);
    }
    if env::var_os(RUNTIME).is_none() {
        // Mesa complains at each look for devices where there is no desktop.
        tests.env(RUNTIME, env::temp_dir());
    }
    command::check(tests)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_that_finds_no_law_is_an_error() {
        let listed = "burn::single::adam::joins: test\nburn::rounded_single::sgd::joins: test\nboxed::sgd:: benchmark";
        assert!(each_finds_tests(&["single::adam::"], listed).is_ok());
        for nothing in ["single::sgd::", "boxed::sgd::", "stock::adam_w::"] {
            let error = each_finds_tests(&["single::adam::", nothing], listed).unwrap_err().to_string();
            assert!(error.contains(nothing), "{error}");
        }
    }
}
