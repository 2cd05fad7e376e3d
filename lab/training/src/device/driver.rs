//! What a kind of device needs of the system, and whether it is there.

use std::path::PathBuf;

use crate::config::DeviceKind;

/// Where Linux keeps libraries.
const FOLDERS: [&str; 6] = [
    "/usr/lib",
    "/usr/lib64",
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/usr/lib/wsl/lib",
    "/usr/local/lib",
];

/// What devices of a kind need besides the build, in words, with what is not found here; `None` of the processor.
pub(super) fn needed(kind: DeviceKind) -> Option<String> {
    let (library, what) = match kind {
        DeviceKind::Cpu => return None,
        DeviceKind::Cuda => ("libcuda.so.1", "NVIDIA's driver"),
        DeviceKind::Vulkan | DeviceKind::Wgpu => {
            ("libvulkan.so.1", "a Vulkan driver, the card maker's or Mesa's, and Vulkan's loader")
        }
    };
    if !cfg!(target_os = "linux") {
        return Some(format!("it needs {what}"));
    }
    let found = folders().into_iter().any(|folder| folder.join(library).exists());
    let found = if found { "is there" } else { "is not found here" };
    Some(format!("it needs {what}; {library} {found}"))
}

fn folders() -> Vec<PathBuf> {
    let first = std::env::var_os("LD_LIBRARY_PATH").unwrap_or_default();
    std::env::split_paths(&first).chain(FOLDERS.map(PathBuf::from)).collect()
}
