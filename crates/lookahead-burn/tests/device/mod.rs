//! The device that the tests run on: the processor, or the first of the kind that `LOOKAHEAD_TEST_DEVICE` names.

use std::sync::LazyLock;

#[cfg(feature = "wgpu")]
use burn::tensor::DType;
use burn::tensor::Device;

const VARIABLE: &str = "LOOKAHEAD_TEST_DEVICE";

/// The device, without autodiff.
pub fn under_test() -> Device {
    static FOUND: LazyLock<Device> = LazyLock::new(find);
    FOUND.clone()
}

fn find() -> Device {
    match std::env::var(VARIABLE).as_deref().unwrap_or("cpu") {
        "cpu" => Device::flex(),
        #[cfg(feature = "wgpu")]
        "wgpu" => {
            let mut found = Device::enumerate(burn::tensor::DeviceType::Wgpu).into_iter();
            let device = found.next().expect("a device that wgpu finds");
            for dtype in [DType::F64, DType::F16, DType::BF16] {
                if !device.supports_dtype(dtype) {
                    println!("not tested: {dtype:?}, which {device:?} does not have");
                }
            }
            device
        }
        kind => panic!("{VARIABLE} is {kind:?}: `cpu` is accepted and, with the feature `wgpu`, `wgpu`"),
    }
}
