//! The factors of dropout, drawn where they are needed.

use burn::tensor::{Device, Tensor};

/// A place in the stream of a ChaCha8 generator, in the words of `rand_chacha`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChaCha8 {
    /// The key, in words of little endian.
    pub key: [u32; 8],
    /// Which of the key's streams.
    pub stream: u64,
    /// Words of 32 bits that have been drawn before.
    pub word: u128,
}

impl ChaCha8 {
    /// The generator with this seed, at the beginning of its first stream.
    #[must_use]
    pub fn new(seed: [u8; 32]) -> Self {
        let mut words = seed.as_chunks().0.iter().map(|word| u32::from_le_bytes(*word));
        Self { key: std::array::from_fn(|_| words.next().unwrap_or_default()), stream: 0, word: 0 }
    }
}

/// A factor for each element of `shape`: 0 where the 16 bits that are drawn for it, two elements a word, are below `dropped`, else
/// `kept`. In one kernel, without the host. `None` where `device` is none of CubeCL's, in a build without kernels, for no elements and
/// for more than 2^30. The tensor is of f32, without autodiff.
#[must_use]
pub fn dropout_factors<const D: usize>(
    draws: ChaCha8,
    dropped: u16,
    kept: f32,
    shape: [usize; D],
    device: &Device,
) -> Option<Tensor<D>> {
    #[cfg(feature = "kernels")]
    return extension::factors(extension::Draws { draws, dropped, kept }, shape, device);
    #[cfg(not(feature = "kernels"))]
    {
        let _ = (draws, dropped, kept, shape, device);
        None
    }
}

#[cfg(feature = "kernels")]
mod extension;
#[cfg(feature = "kernels")]
mod kernel;
