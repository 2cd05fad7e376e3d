//! Depthwise convolution: each channel has a filter of its own, so vectors run over the channels.

use pulp::{Simd, WithSimd};

use super::plan::{Band, Plan};
use crate::InstructionSet;
use crate::kernel::parts::{PARTS, in_parts, share};
use crate::kernel::tile::{Block, Run, add, blocks, filled, load, store};

/// Vectors of channels at a time, and pixels or taps that share a load of them: sums for 12 registers.
const WIDEST: usize = 4;
const SHARED: usize = 3;

/// Pixels whose gradients are summed in registers before they are added to those of the weights: few enough that their
/// inputs stay in the cache for all taps.
const PIXELS: usize = 64;

/// `target[p][c] = start[c] + sum over taps of source[p + tap][c] w[tap][c]`.
pub(super) fn convolve(
    set: InstructionSet,
    plan: &Plan,
    (w, start): (&[f32], Option<&[f32]>),
    source: &[f32],
    target: &mut [f32],
) {
    plan.for_each_task(source, target, |band, images, source, target| {
        set.dispatch(Task { channels: plan.target.channels, band, images, w, start, source, target });
    });
}

/// A band of some images.
struct Task<'a> {
    channels: usize,
    band: &'a Band,
    images: usize,
    w: &'a [f32],
    start: Option<&'a [f32]>,
    source: &'a [f32],
    target: &'a mut [f32],
}

impl WithSimd for Task<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        for block in blocks(self.channels, WIDEST, S::F32_LANES) {
            match block.vectors {
                4 => self.block::<S, 4>(simd, block),
                2 => self.block::<S, 2>(simd, block),
                _ => self.block::<S, 1>(simd, block),
            }
        }
    }
}

impl Task<'_> {
    /// One block of channels of all pixels.
    #[inline(always)]
    fn block<S: Simd, const VECTORS: usize>(&mut self, simd: S, block: Block) {
        let Block { start: channel, len, .. } = block;
        let start = match self.start {
            Some(start) => load(simd, &start[channel..][..len]),
            None => [simd.splat_f32s(0.0); VECTORS],
        };
        for part in &self.band.parts {
            let pixels = part.pixels(self.images);
            let sources = part.sources[pixels.clone()].chunks(SHARED);
            for (sources, targets) in sources.zip(part.targets[pixels].chunks(SHARED)) {
                let at: [usize; SHARED] = filled(sources);
                let mut sums = [start; SHARED];
                for run in part.runs() {
                    let w: [S::f32s; VECTORS] = load(simd, &self.w[run.row * self.channels + channel..][..len]);
                    for (sums, at) in sums.iter_mut().zip(at) {
                        let x: [S::f32s; VECTORS] = load(simd, &self.source[at + run.offset + channel..][..len]);
                        for v in 0..VECTORS {
                            sums[v] = simd.mul_add_e_f32s(x[v], w[v], sums[v]);
                        }
                    }
                }
                for (sums, to) in sums.into_iter().zip(targets) {
                    store(simd, sums, &mut self.target[to + channel..][..len]);
                }
            }
        }
    }
}

/// `dw[tap][c] = sum over pixels of x[p + tap][c] dy[p][c]`; `plan` is that of the forward pass.
pub(super) fn gradient(set: InstructionSet, plan: &Plan, x: &[f32], dy: &[f32], dw: &mut [f32]) {
    let units = plan.units(x);
    let parts = units.clamp(1, PARTS);
    in_parts(dw, parts, |part, dw| {
        for unit in share(units, part, parts) {
            let (band, images, x, dy) = plan.unit(unit, x, dy);
            set.dispatch(Unit { channels: plan.target.channels, band, images, x, dy, dw });
        }
    });
}

/// Adds a band of some images to the gradient.
struct Unit<'a> {
    channels: usize,
    band: &'a Band,
    images: usize,
    x: &'a [f32],
    dy: &'a [f32],
    dw: &'a mut [f32],
}

impl WithSimd for Unit<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        for block in blocks(self.channels, WIDEST, S::F32_LANES) {
            match block.vectors {
                4 => self.block::<S, 4>(simd, block),
                2 => self.block::<S, 2>(simd, block),
                _ => self.block::<S, 1>(simd, block),
            }
        }
    }
}

impl Unit<'_> {
    /// One block of channels of all taps.
    #[inline(always)]
    fn block<S: Simd, const VECTORS: usize>(&mut self, simd: S, block: Block) {
        for part in &self.band.parts {
            let pixels = part.pixels(self.images);
            let sources = part.sources[pixels.clone()].chunks(PIXELS);
            for pixels in sources.zip(part.targets[pixels].chunks(PIXELS)) {
                for runs in part.stages.iter().flat_map(|runs| runs.chunks(SHARED)) {
                    match runs.first_chunk() {
                        Some(runs) => self.taps::<S, SHARED, VECTORS>(simd, block, pixels, runs),
                        None => runs.iter().for_each(|run| self.taps::<S, 1, VECTORS>(simd, block, pixels, &[*run])),
                    }
                }
            }
        }
    }

    /// A few taps of a few pixels.
    #[inline(always)]
    fn taps<S: Simd, const TAPS: usize, const VECTORS: usize>(
        &mut self,
        simd: S,
        Block { start: channel, len, .. }: Block,
        (sources, targets): (&[usize], &[usize]),
        runs: &[Run; TAPS],
    ) {
        let mut sums = [[simd.splat_f32s(0.0); VECTORS]; TAPS];
        for (source, target) in sources.iter().zip(targets) {
            let dy: [S::f32s; VECTORS] = load(simd, &self.dy[target + channel..][..len]);
            for (sums, run) in sums.iter_mut().zip(runs) {
                let x: [S::f32s; VECTORS] = load(simd, &self.x[source + run.offset + channel..][..len]);
                for v in 0..VECTORS {
                    sums[v] = simd.mul_add_e_f32s(x[v], dy[v], sums[v]);
                }
            }
        }
        for (sums, run) in sums.into_iter().zip(runs) {
            add(simd, sums, &mut self.dw[run.row * self.channels + channel..][..len]);
        }
    }
}
