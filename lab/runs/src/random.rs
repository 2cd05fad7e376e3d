//! The one place where random numbers come from: every purpose has a stream of its own, made from the run's seed.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use sha2::{Digest, Sha256};

/// The generator for one purpose, such as `"data order"`, and one index within it, such as the epoch.
///
/// ChaCha8, its key the SHA-256 of `lookahead-lab`, `seed` and `index` (8 little-endian bytes each) and `purpose`. A
/// stream depends on nothing that was drawn before, so a resumed run makes it anew.
///
/// ```
/// use lookahead_runs::random::stream;
/// assert_eq!(stream(7, "data order", 0), stream(7, "data order", 0));
/// assert_ne!(stream(7, "data order", 0), stream(7, "data order", 1));
/// ```
#[must_use]
pub fn stream(seed: u64, purpose: &str, index: u64) -> ChaCha8Rng {
    let hash = Sha256::new()
        .chain_update("lookahead-lab")
        .chain_update(seed.to_le_bytes())
        .chain_update(index.to_le_bytes())
        .chain_update(purpose);
    ChaCha8Rng::from_seed(hash.finalize().into())
}

/// A standard normal number, by Box and Muller.
pub fn normal(random: &mut ChaCha8Rng) -> f64 {
    let (radius, angle) = ((-2.0 * uniform(random).ln()).sqrt(), std::f64::consts::TAU * uniform(random));
    radius * angle.cos()
}

/// Uniform in (0, 1], by 53 bits.
pub fn uniform(random: &mut ChaCha8Rng) -> f64 {
    ((random.next_u64() >> 11) + 1) as f64 / (1_u64 << 53) as f64
}
