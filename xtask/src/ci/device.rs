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

/// Burn is built once for both packages, in a profile of its own: `wgpu` and what it needs take most of the time. Left out
/// is what takes minutes on such a driver: the battery of laws, and what resumes at every moment.
const TESTS: &str = "cargo test --profile device --package lookahead-burn --package lookahead-training \
                     --features lookahead-burn/wgpu,lookahead-training/wgpu \
                     --test average --test batch_norm --test clip --test device --test golden --test half_precision \
                     --test moves --test new_hyperparameters --test record --test waits \
                     --test kernels";

pub fn check(root: &Path) -> Result<()> {
    let mut tests = command(root, TESTS);
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
