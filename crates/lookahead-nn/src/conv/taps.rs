//! The direct convolution, forward and back to the inputs: a sum over the taps that a pixel sees.

use pulp::{Simd, WithSimd};

use super::plan::{Band, Plan};
use crate::InstructionSet;
use crate::kernel::panels::Panels;
use crate::kernel::tile::{Block, add, blocks, filled, store, sum_runs, widest};

/// `target = convolution(source)`, image by image or band by band.
pub(super) fn convolve(set: InstructionSet, plan: &Plan, panels: &Panels, source: &[f32], target: &mut [f32]) {
    plan.for_each_task(source, target, |band, images, source, target| {
        set.dispatch(Task { plan, band, panels, images, source, target });
    });
}

/// A band of some images.
struct Task<'a> {
    plan: &'a Plan,
    band: &'a Band,
    panels: &'a Panels,
    images: usize,
    source: &'a [f32],
    target: &'a mut [f32],
}

impl WithSimd for Task<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let channels = self.plan.target.channels / self.plan.groups;
        for group in 0..self.plan.groups {
            for block in blocks(channels, widest::<S>(), S::F32_LANES) {
                match block.vectors {
                    4 => self.block::<S, 4, 4>(simd, group, block),
                    2 if widest::<S>() == 2 => self.block::<S, 6, 2>(simd, group, block),
                    2 => self.block::<S, 8, 2>(simd, group, block),
                    _ => self.block::<S, 8, 1>(simd, group, block),
                }
            }
        }
    }
}

impl Task<'_> {
    /// One block of channels of all pixels.
    #[inline(always)]
    fn block<S: Simd, const PIXELS: usize, const VECTORS: usize>(&mut self, simd: S, group: usize, block: Block) {
        let (panel, start) = self.panels.panel::<S>(group, block);
        let mut first = [simd.splat_f32s(0.0); VECTORS];
        first.copy_from_slice(start);
        let plan = self.plan;
        let source = &self.source[group * plan.source.channels / plan.groups..];
        let target = &mut self.target[group * plan.target.channels / plan.groups + block.start..];
        for part in &self.band.parts {
            let pixels = part.pixels(self.images);
            let (sources, targets) = (&part.sources[pixels.clone()], &part.targets[pixels]);
            for (stage, runs) in part.stages.iter().enumerate() {
                let start = if stage == 0 { first } else { [simd.splat_f32s(0.0); VECTORS] };
                for (sources, targets) in sources.chunks(PIXELS).zip(targets.chunks(PIXELS)) {
                    let at = filled(sources);
                    let sums = sum_runs::<S, PIXELS, VECTORS>(simd, start, source, at, runs, panel);
                    for (sum, at) in sums.into_iter().zip(targets) {
                        let to = &mut target[*at..][..block.len];
                        if stage == 0 { store(simd, sum, to) } else { add(simd, sum, to) }
                    }
                }
            }
        }
    }
}
