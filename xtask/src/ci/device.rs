//! Tests on a device of the kind of GPUs, by a Vulkan driver that computes on the processor where none is named.

use std::env;
use std::path::Path;

use anyhow::{Context, Result};

use super::command::{self, command};

/// Where systems keep such drivers: Mesa's llvmpipe, and SwiftShader, which comes with Chromium and is slower.
const DRIVERS: [&str; 3] = [
    "/usr/share/vulkan/icd.d/lvp_icd.x86_64.json",
    "/usr/share/vulkan/icd.d/lvp_icd.json",
    "/usr/lib/chromium/vk_swiftshader_icd.json",
];

const RUNTIME: &str = "XDG_RUNTIME_DIR";
/// By which the loader finds a driver.
const DRIVER: &str = "VK_ICD_FILENAMES";

/// Burn is built once for both packages, in a profile of its own: `wgpu` and what it needs take most of the time.
const PACKAGES: &str = "cargo test --profile device --package lookahead-burn --package lookahead-training \
                        --features lookahead-burn/wgpu,lookahead-training/wgpu";

/// Left out is what takes minutes on such a driver: most of the laws, and what resumes at every moment.
const TESTS: &str = "--test average --test batch_norm --test clip --test device --test golden --test half_precision \
                     --test kernels --test moves --test new_hyperparameters --test record --test waits";

/// Of 2,697 the 220 laws, in about six minutes of one core, of what is another matter on a device: kernels of rules with
/// moments and of an outer momentum, "interpolate" after them, both forms, a `ModuleOptimizer`, slow weights on the host, and
/// tensor operations under Burn's own rules. The others by hand (CONTRIBUTING.md).
const LAWS: &str = "--test laws -- single::adam:: single::nested_heavy_ball:: single_with_momentum::heavy_ball:: \
                    per_parameter::adam:: per_parameter_with_momentum::heavy_ball:: boxed::sgd:: \
                    on_host::heavy_ball:: stock::adam_w:: --skip rounded_single";

pub fn check(root: &Path) -> Result<()> {
    [TESTS, LAWS].into_iter().try_for_each(|tests| on_device(root, tests))
}

fn on_device(root: &Path, tests: &str) -> Result<()> {
    let mut tests = command(root, &format!("{PACKAGES} {tests}"));
    tests.env("LOOKAHEAD_TEST_DEVICE", "wgpu");
    if env::var_os(RUNTIME).is_none() {
        // Mesa complains at each look for devices where there is no desktop.
        tests.env(RUNTIME, env::temp_dir());
    }
    if env::var_os(DRIVER).is_none() {
        let found = DRIVERS.into_iter().find(|driver| Path::new(driver).exists());
        let missing = "no Vulkan driver that computes on the processor: install libvulkan1 and mesa-vulkan-drivers, name \
                       a driver in VK_ICD_FILENAMES, or give --no-device";
        tests.env(DRIVER, found.context(missing)?);
    }
    command::check(&mut tests)
}
