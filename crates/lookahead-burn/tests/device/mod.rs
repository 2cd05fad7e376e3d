//! The device that the tests run on: the processor, or the first of the kind that `LOOKAHEAD_TEST_DEVICE` names.

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
    match std::env::var(VARIABLE).as_deref().unwrap_or("cpu") {
        "cpu" => Device::flex(),
        #[cfg(feature = "cuda")]
        "cuda" => first(DeviceType::Cuda),
        #[cfg(feature = "vulkan")]
        "vulkan" => first(DeviceType::Vulkan),
        #[cfg(feature = "wgpu")]
        "wgpu" => first(DeviceType::Wgpu),
        kind => {
            panic!("{VARIABLE} is {kind:?}: `cpu` is accepted and, with their features, `cuda`, `vulkan` and `wgpu`")
        }
    }
}

#[cfg(any(feature = "cuda", feature = "vulkan", feature = "wgpu"))]
fn first(kind: DeviceType) -> Device {
    let device = Device::enumerate(kind).into_iter().next().expect("a device of that kind");
    for dtype in [DType::F64, DType::F16, DType::BF16] {
        if !device.supports_dtype(dtype) {
            println!("not tested: {dtype:?}, which {device:?} does not have");
        }
    }
    device
}
