//! The factors of dropout that a device draws, beside those of `rand_chacha`.

use burn::tensor::{Device, Tensor};
use lookahead_cube::{ChaCha8, dropout_factors};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::{TURN, device};

const SEED: [u8; 32] = *b"any key of two hundred fifty-six";
const DROPPED: u16 = 20_000;
const KEPT: f32 = 1.25;

#[test]
fn they_are_those_of_the_generator_wherever_it_stands() {
    let _turn = TURN.lock();
    let Some(device) = device() else { return };
    // A word in the middle of a block, the carry into the upper half of the counter, another stream.
    let last_of_lower_half = (16_u128 << 32) - 11;
    for (stream, word) in [(0, 0), (0, 5), (0, 16), (7, 31), (1 << 40, last_of_lower_half), (3, u128::from(u64::MAX))] {
        for shape in [[1, 1], [1, 2], [3, 5], [7, 32], [61, 129]] {
            let mut generator = ChaCha8Rng::from_seed(SEED);
            generator.set_stream(stream);
            generator.set_word_pos(word);
            let mut bytes = vec![0; 2 * shape[0] * shape[1]];
            generator.fill_bytes(&mut bytes);
            let factor = |pair: &[u8; 2]| if u16::from_le_bytes(*pair) < DROPPED { 0.0 } else { KEPT };
            let expected: Vec<f32> = bytes.as_chunks().0.iter().map(factor).collect();

            let draws = ChaCha8 { stream, word, ..ChaCha8::new(SEED) };
            let drawn: Tensor<2> =
                dropout_factors(draws, DROPPED, KEPT, shape, &device).expect("a device with kernels");
            let drawn: Vec<f32> = drawn.into_data().iter().collect();
            assert_eq!(drawn, expected, "{shape:?} of stream {stream} from word {word}");
        }
    }
}

#[test]
fn the_host_draws_for_itself() {
    let on_host: Option<Tensor<1>> = dropout_factors(ChaCha8::new(SEED), DROPPED, KEPT, [8], &Device::flex());
    assert!(on_host.is_none());
}
