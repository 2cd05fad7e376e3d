//! The device that the tests run on: the processor, or what `LOOKAHEAD_TEST_DEVICE` names, the second of a kind as `cuda:1`.

#[cfg(any(feature = "cuda", feature = "vulkan", feature = "wgpu"))]
use std::io::Write;
use std::sync::LazyLock;

use burn::tensor::Device;
#[cfg(any(feature = "cuda", feature = "vulkan", feature = "wgpu"))]
use burn::tensor::{DType, DeviceType};

const VARIABLE: &str = "LOOKAHEAD_TEST_DEVICE";

/// The device, without autodiff.
pub fn under_test() -> Device {
    static FOUND: LazyLock<Device> = LazyLock::new(find);
    FOUND.clone()
}

fn find() -> Device {
    let named = std::env::var(VARIABLE).unwrap_or_else(|_| "cpu".to_owned());
    let (kind, index) = named.split_once(':').unwrap_or((&named, "0"));
    #[cfg(any(feature = "cuda", feature = "vulkan", feature = "wgpu"))]
    let found = |kind| opened(kind, index.parse().expect("a number behind the colon"));
    match kind {
        "cpu" if index == "0" => Device::flex(),
        #[cfg(feature = "cuda")]
        "cuda" => found(DeviceType::Cuda),
        #[cfg(feature = "vulkan")]
        "vulkan" => found(DeviceType::Vulkan),
        #[cfg(feature = "wgpu")]
        "wgpu" => found(DeviceType::Wgpu),
        kind => {
            panic!("{VARIABLE} is {kind:?}: `cpu` is accepted and, with their features, `cuda`, `vulkan` and `wgpu`")
        }
    }
}

#[cfg(any(feature = "cuda", feature = "vulkan", feature = "wgpu"))]
fn opened(kind: DeviceType, index: usize) -> Device {
    let device = Device::enumerate(kind).into_iter().nth(index).expect("a device of that kind");
    let name = device.identity().map_or_else(|| format!("{device:?}"), |identity| identity.name);
    // Past the capture of tests: a log is to tell what was tested.
    writeln!(std::io::stderr(), "tested on {name}").expect("a standard error");
    for dtype in [DType::F64, DType::F16, DType::BF16] {
        if !device.supports_dtype(dtype) {
            println!("not tested: {dtype:?}, which {device:?} does not have");
        }
    }
    device
}
