//! The kernel: a unit draws one block of the generator, and writes the factors of its elements (Bernstein 2008, "ChaCha, a
//! variant of Salsa20"; with a counter and a stream of 64 bits each).

use burn::cubecl;
use burn::cubecl::prelude::*;
use burn::cubecl::std::tensor::layout::linear::LinearViewMut;

/// Words of a block.
pub(super) const WORDS: usize = 16;

/// Where the draws begin: a block, a stream, and the words of the block that are used up.
#[derive(CubeType, CubeLaunch)]
pub(super) struct Place {
    pub(super) block_low: u32,
    pub(super) block_high: u32,
    pub(super) stream_low: u32,
    pub(super) stream_high: u32,
    pub(super) used: u32,
}

/// 0 for the elements whose 16 bits are below `dropped`, `kept` for the others.
#[cube(launch)]
pub(super) fn factors(mut out: LinearViewMut<'_, f32>, key: Sequence<u32>, place: Place, dropped: u32, kept: f32) {
    let unit = ABSOLUTE_POS;
    let words = block(&key, &place, unit as u32);
    let used = place.used as usize;
    #[unroll]
    for j in 0..WORDS {
        let word = unit * WORDS + j;
        if word >= used {
            let i = 2usize * (word - used);
            let drawn = words[j];
            if out.is_in_bounds(i) {
                out.write(i, select((drawn & 0xffff_u32) < dropped, 0.0f32, kept));
            }
            if out.is_in_bounds(i + 1usize) {
                out.write(i + 1usize, select((drawn >> 16u32) < dropped, 0.0f32, kept));
            }
        }
    }
}

/// The words of the block that is so many after the first.
#[cube]
fn block(key: &Sequence<u32>, place: &Place, after: u32) -> Array<u32> {
    let mut begun = Array::<u32>::new(WORDS);
    // "expand 32-byte k"
    begun[0] = 0x6170_7865u32;
    begun[1] = 0x3320_646eu32;
    begun[2] = 0x7962_2d32u32;
    begun[3] = 0x6b20_6574u32;
    #[unroll]
    for j in 0..8usize {
        begun[4 + j] = *key.index(j);
    }
    let low = place.block_low + after;
    begun[12] = low;
    begun[13] = place.block_high + u32::cast_from(low < after);
    begun[14] = place.stream_low;
    begun[15] = place.stream_high;

    let mut x = Array::<u32>::new(WORDS);
    #[unroll]
    for j in 0..WORDS {
        x[j] = begun[j];
    }
    #[unroll]
    for _ in 0..4usize {
        #[unroll]
        for j in 0..4usize {
            quarter_round(&mut x, j, 4 + j, 8 + j, 12 + j);
        }
        #[unroll]
        for j in 0..4usize {
            quarter_round(&mut x, j, 4 + (j + 1) % 4, 8 + (j + 2) % 4, 12 + (j + 3) % 4);
        }
    }
    #[unroll]
    for j in 0..WORDS {
        x[j] += begun[j];
    }
    x
}

#[cube]
fn quarter_round(
    x: &mut Array<u32>,
    #[comptime] a: usize,
    #[comptime] b: usize,
    #[comptime] c: usize,
    #[comptime] d: usize,
) {
    x[a] += x[b];
    x[d] = rotated(x[d] ^ x[a], 16u32);
    x[c] += x[d];
    x[b] = rotated(x[b] ^ x[c], 12u32);
    x[a] += x[b];
    x[d] = rotated(x[d] ^ x[a], 8u32);
    x[c] += x[d];
    x[b] = rotated(x[b] ^ x[c], 7u32);
}

#[cube]
fn rotated(x: u32, #[comptime] by: u32) -> u32 {
    (x << by) | (x >> comptime!(32u32 - by))
}
