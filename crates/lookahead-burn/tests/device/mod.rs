//! The device that the tests run on: the processor, or the first of the kind that `LOOKAHEAD_TEST_DEVICE` names.

use std::sync::LazyLock;

use burn::tensor::{DType, Device};

const VARIABLE: &str = "LOOKAHEAD_TEST_DEVICE";

fn kind() -> String {
    std::env::var(VARIABLE).unwrap_or_else(|_| "cpu".to_owned())
}

/// The device, without autodiff.
pub fn under_test() -> Device {
    static FOUND: LazyLock<Device> = LazyLock::new(find);
    FOUND.clone()
}

fn find() -> Device {
    match kind().as_str() {
        "cpu" => Device::flex(),
        #[cfg(feature = "wgpu")]
        "wgpu" => {
            let mut found = Device::enumerate(burn::tensor::DeviceType::Wgpu).into_iter();
            found.next().expect("a device that wgpu finds")
        }
        kind => panic!("{VARIABLE} is {kind:?}: `cpu` is accepted and, with the feature `wgpu`, `wgpu`"),
    }
}

/// Whether the device is the processor, where the core's kernels work in place.
#[allow(dead_code, reason = "not every test binary asks")]
pub fn is_cpu() -> bool {
    kind() == "cpu"
}

/// Whether the device computes in this precision. Where it does not, a test says so and ends.
#[allow(dead_code, reason = "not every test binary asks")]
pub fn has(dtype: DType) -> bool {
    let has = under_test().supports_dtype(dtype);
    if !has {
        println!("not tested: the device has no {dtype:?}");
    }
    has
}
