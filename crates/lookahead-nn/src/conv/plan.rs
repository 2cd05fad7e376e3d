//! Where a kernel reads and writes: pixels that see the same taps, and the runs of numbers that they see.

use std::ops::Range;

use rayon::prelude::*;

use super::axis::{Class, Tap};
use crate::kernel::tile::Run;

/// Pixels that see the same runs.
#[derive(Debug)]
pub(super) struct Part {
    /// Where each pixel's source begins, in the images of its task.
    pub sources: Vec<usize>,
    /// Where its target begins, in the target of its task.
    pub targets: Vec<usize>,
    /// In stages of at most [`STAGE`] rows, about equally long; the first is there even if there are no runs.
    pub stages: Vec<Vec<Run>>,
    /// The pixels of one image.
    per_image: usize,
}

impl Part {
    pub fn runs(&self) -> impl Iterator<Item = &Run> {
        self.stages.iter().flatten()
    }

    /// The pixels of the first `images`.
    pub fn pixels(&self, images: usize) -> Range<usize> {
        0..(images * self.per_image).min(self.targets.len())
    }
}

/// Rows of the target image, and the pixels in them.
#[derive(Debug)]
pub(super) struct Band {
    /// Of the numbers of an image's target.
    pub target: Range<usize>,
    pub parts: Vec<Part>,
}

/// Source or target: its rows, columns and channels.
#[derive(Debug, Clone, Copy)]
pub(super) struct Grid {
    pub height: usize,
    pub width: usize,
    pub channels: usize,
}

impl Grid {
    pub const fn len(&self) -> usize {
        self.height * self.width * self.channels
    }
}

/// What has to be known of a convolution, forward or back through it, beside its numbers.
#[derive(Debug)]
pub(super) struct Plan {
    pub source: Grid,
    pub target: Grid,
    /// Side by side: each group of source channels makes a group of target channels.
    pub groups: usize,
    /// The number of taps.
    pub taps: usize,
    /// Images in a task; one where an image is divided into bands.
    pub images: usize,
    pub bands: Vec<Band>,
}

/// Rows of a panel that are summed before the sum is added to the target: the panel stays in the cache, and short sums are
/// more accurate.
const STAGE: usize = 576;

/// How much of a batch a task has.
#[derive(Debug, Clone, Copy)]
pub(super) struct TaskSize {
    /// At least so many pixels of the target, if `images` have so many.
    pub pixels: usize,
    /// At most so many images.
    pub images: usize,
}

impl Plan {
    /// `classes` of the rows and of the columns; `taps` along each.
    pub fn new(
        [rows, columns]: [Vec<Class>; 2],
        taps: [usize; 2],
        [source, target]: [Grid; 2],
        groups: usize,
        size: TaskSize,
    ) -> Self {
        let images = size.pixels.div_ceil(target.height * target.width).clamp(1, size.images);
        let height = if images > 1 { target.height } else { size.pixels.div_ceil(target.width).min(target.height) };
        let mut plan = Self { source, target, groups, taps: taps[0] * taps[1], images, bands: Vec::new() };
        for first in (0..target.height).step_by(height) {
            let rows_of_band = first..(first + height).min(target.height);
            let mut parts = Vec::new();
            for class in &rows {
                for column_class in &columns {
                    parts.extend(plan.part(class, column_class, &rows_of_band, taps[1]));
                }
            }
            let row = target.width * target.channels;
            plan.bands.push(Band { target: rows_of_band.start * row..rows_of_band.end * row, parts });
        }
        plan
    }

    /// The pixels of a class of rows and of columns that lie in a band.
    fn part(&self, rows: &Class, columns: &Class, band: &Range<usize>, taps_across: usize) -> Option<Part> {
        let (source, target) = (self.source, self.target);
        let start = rows.places.partition_point(|(row, _)| *row < band.start);
        let end = rows.places.partition_point(|(row, _)| *row < band.end);
        let per_image = (end - start) * columns.places.len();
        if per_image == 0 {
            return None;
        }
        let mut part = Part {
            sources: Vec::with_capacity(per_image * self.images),
            targets: Vec::with_capacity(per_image * self.images),
            stages: stages(&self.runs(&rows.taps, &columns.taps, taps_across)),
            per_image,
        };
        for image in 0..self.images {
            for &(to_row, from_row) in &rows.places[start..end] {
                let to_row = image * target.height + to_row - band.start;
                let from_row = image * source.height + from_row;
                for &(to_column, from_column) in &columns.places {
                    part.targets.push((to_row * target.width + to_column) * target.channels);
                    part.sources.push((from_row * source.width + from_column) * source.channels);
                }
            }
        }
        Some(part)
    }

    /// A tap's channels are one run; taps side by side in the image and in the panel are one together.
    fn runs(&self, rows: &[Tap], columns: &[Tap], taps_across: usize) -> Vec<Run> {
        let Grid { width, channels, .. } = self.source;
        let len = channels / self.groups;
        let mut runs: Vec<Run> = Vec::new();
        for (down, across) in rows.iter().flat_map(|down| columns.iter().map(move |across| (down, across))) {
            let offset = (down.offset * width + across.offset) * channels;
            let row = (down.index * taps_across + across.index) * len;
            match runs.last_mut() {
                Some(last) if last.offset + last.len == offset && last.row + last.len == row => last.len += len,
                _ => runs.push(Run { offset, row, len }),
            }
        }
        runs
    }

    /// Calls `work(band, images, their sources, their part of the target)` for all of a batch, on all threads.
    pub fn for_each_task(
        &self,
        source: &[f32],
        target: &mut [f32],
        work: impl Fn(&Band, usize, &[f32], &mut [f32]) + Sync,
    ) {
        let sources = source.par_chunks(self.images * self.source.len());
        sources.zip(target.par_chunks_mut(self.images * self.target.len())).for_each(|(source, target)| {
            let images = source.len() / self.source.len();
            let band_len = self.bands[0].target.len() * images;
            let bands = self.bands.par_iter().zip(target.par_chunks_mut(band_len));
            bands.for_each(|(band, target)| work(band, images, source, target));
        });
    }

    /// How many bands of images a batch has.
    pub fn units(&self, source: &[f32]) -> usize {
        source.len().div_ceil(self.images * self.source.len()) * self.bands.len()
    }

    /// `(band, images, their sources, the target from the band on)` of one of them.
    pub fn unit<'a>(&self, unit: usize, source: &'a [f32], target: &'a [f32]) -> (&Band, usize, &'a [f32], &'a [f32]) {
        let (chunk, band) = (unit / self.bands.len(), &self.bands[unit % self.bands.len()]);
        let source = &source[chunk * self.images * self.source.len()..];
        let images = self.images.min(source.len() / self.source.len());
        (band, images, source, &target[chunk * self.images * self.target.len() + band.target.start..])
    }

    /// The rows of a group's panel: taps times source channels.
    pub const fn rows(&self) -> usize {
        self.taps * self.source.channels / self.groups
    }
}

fn stages(runs: &[Run]) -> Vec<Vec<Run>> {
    let rows: usize = runs.iter().map(|run| run.len).sum();
    let stage = rows.div_ceil(rows.div_ceil(STAGE).max(1));
    let mut stages = vec![Vec::new()];
    let mut room = stage;
    for run in runs {
        let mut run = *run;
        while run.len > 0 {
            if room == 0 {
                stages.push(Vec::new());
                room = stage;
            }
            let len = run.len.min(room);
            stages.last_mut().into_iter().for_each(|runs: &mut Vec<Run>| runs.push(Run { len, ..run }));
            run = Run { offset: run.offset + len, row: run.row + len, len: run.len - len };
            room -= len;
        }
    }
    stages
}
