//! How images are divided into tiles of outputs, and tiles into tasks.

use rayon::prelude::*;

use super::super::plan::Grid;

/// Tiles of `OUT x OUT` outputs and a stride of 1: that at row a and column b makes those from (OUT a, OUT b) on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tiles<const OUT: usize> {
    pub source: Grid,
    pub target: Grid,
    /// Zeros above and on the left of the source; may be negative, going back through wide padding.
    before: [isize; 2],
    /// Images in a task; one where an image is divided.
    images: usize,
    /// Rows of tiles in a task.
    rows: usize,
}

/// Where a tile begins: its image of the task, and its first output.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tile {
    image: usize,
    row: usize,
    column: usize,
}

/// Some rows of tiles of some images.
#[derive(Debug, Clone, Copy)]
pub(super) struct Task {
    /// The first row of the target.
    pub first_row: usize,
    /// Rows of the target, of one image.
    rows: usize,
    pub images: usize,
}

impl<const OUT: usize> Tiles<OUT> {
    /// With about `most` tiles in a task, of at most `most_images`.
    pub fn new([source, target]: [Grid; 2], before: [isize; 2], most_images: usize, most: usize) -> Self {
        let (down, across) = (target.height.div_ceil(OUT), target.width.div_ceil(OUT));
        let images = (most / (down * across)).clamp(1, most_images);
        let rows = if images > 1 { down } else { (most / across).clamp(1, down) };
        Self { source, target, before, images, rows }
    }

    /// Tiles of a whole batch.
    pub fn count(target: Grid, batch: usize) -> usize {
        batch * target.height.div_ceil(OUT) * target.width.div_ceil(OUT)
    }

    /// The most tiles that a task has.
    pub(super) fn most(&self) -> usize {
        self.images * self.rows * self.target.width.div_ceil(OUT)
    }

    fn tasks_of_image(&self) -> usize {
        self.target.height.div_ceil(OUT).div_ceil(self.rows)
    }

    /// How many tasks a batch has.
    pub(super) fn tasks(&self, source: &[f32]) -> usize {
        source.len().div_ceil(self.images * self.source.len()) * self.tasks_of_image()
    }

    fn task(&self, band: usize, images: usize) -> Task {
        let first_row = OUT * self.rows * band;
        Task { first_row, rows: (OUT * self.rows).min(self.target.height - first_row), images }
    }

    /// `(task, its sources, the target from its first row on)` of one of them.
    pub(super) fn unit<'a>(&self, unit: usize, source: &'a [f32], target: &'a [f32]) -> (Task, &'a [f32], &'a [f32]) {
        let (chunk, band) = (unit / self.tasks_of_image(), unit % self.tasks_of_image());
        let source = &source[chunk * self.images * self.source.len()..];
        let task = self.task(band, self.images.min(source.len() / self.source.len()));
        let row = self.target.width * self.target.channels;
        (task, source, &target[chunk * self.images * self.target.len() + task.first_row * row..])
    }

    /// Calls `work(task, its sources, its part of the target)` for all of a batch, on all threads.
    pub(super) fn for_each_task(
        &self,
        source: &[f32],
        target: &mut [f32],
        work: impl Fn(Task, &[f32], &mut [f32]) + Sync,
    ) {
        let sources = source.par_chunks(self.images * self.source.len());
        sources.zip(target.par_chunks_mut(self.images * self.target.len())).for_each(|(source, target)| {
            let images = source.len() / self.source.len();
            let band = images * (OUT * self.rows).min(self.target.height) * self.target.width * self.target.channels;
            target.par_chunks_mut(band).enumerate().for_each(|(band, target)| {
                work(self.task(band, images), source, target);
            });
        });
    }

    /// The tiles of a task, in order.
    pub(super) fn of(&self, task: Task) -> impl Iterator<Item = Tile> {
        let width = self.target.width;
        (0..task.images).flat_map(move |image| {
            let rows = (task.first_row..task.first_row + task.rows).step_by(OUT);
            rows.flat_map(move |row| (0..width).step_by(OUT).map(move |column| Tile { image, row, column }))
        })
    }

    /// Where the inputs of a tile lie in its task's sources; none outside of the image.
    pub(super) fn inputs<const IN: usize>(&self, tile: Tile) -> [[Option<usize>; IN]; IN] {
        let Grid { height, width, channels } = self.source;
        let place = |first: usize, before: isize, step: usize, size: usize| {
            // Sizes fit in isize: the shape was checked.
            usize::try_from((first + step) as isize - before).ok().filter(|place| *place < size)
        };
        let mut places = [[None; IN]; IN];
        for (i, places) in places.iter_mut().enumerate() {
            let Some(row) = place(tile.row, self.before[0], i, height) else { continue };
            for (j, to) in places.iter_mut().enumerate() {
                let column = place(tile.column, self.before[1], j, width);
                *to = column.map(|column| ((tile.image * height + row) * width + column) * channels);
            }
        }
        places
    }

    /// Where the outputs of a tile lie in its task's target; none outside of the image.
    pub(super) fn outputs(&self, task: Task, tile: Tile) -> [[Option<usize>; OUT]; OUT] {
        let Grid { height, width, channels } = self.target;
        // A task of several images has whole ones.
        let rows_of_image = if task.images > 1 { height } else { task.rows };
        let mut places = [[None; OUT]; OUT];
        for (i, places) in places.iter_mut().enumerate() {
            for (j, to) in places.iter_mut().enumerate() {
                let (row, column) = (tile.row + i, tile.column + j);
                let place = ((tile.image * rows_of_image + row - task.first_row) * width + column) * channels;
                *to = (row < height && column < width).then_some(place);
            }
        }
        places
    }
}
