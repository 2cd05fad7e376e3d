//! Two half moons in the plane, one class each, with noise: made in memory, the same every time.

use burn::data::dataloader::batcher::Batcher;
use burn::tensor::{Device, Int, Tensor, TensorData};

/// A point and its class.
#[derive(Debug, Clone, Copy)]
pub struct Point {
    position: [f32; 2],
    class: i32,
}

/// Points of both moons in turn.
pub fn moons(count: usize, seed: u64) -> Vec<Point> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut uniform = || {
        // Xorshift (Marsaglia 2003)
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1_u64 << 24) as f32
    };
    (0..count)
        .map(|index| {
            let (angle, class) = (std::f32::consts::PI * uniform(), (index % 2) as i32);
            let [x, y] = if class == 0 { [angle.cos(), angle.sin()] } else { [1.0 - angle.cos(), 0.5 - angle.sin()] };
            Point { position: [x, y].map(|coordinate| coordinate + 0.8 * (uniform() - 0.5)), class }
        })
        .collect()
}

/// Points as tensors.
#[derive(Debug, Clone)]
pub struct Batch {
    pub points: Tensor<2>,
    pub classes: Tensor<1, Int>,
}

impl Batch {
    pub fn new(points: &[Point], device: &Device) -> Self {
        let positions: Vec<f32> = points.iter().flat_map(|point| point.position).collect();
        let classes: Vec<i32> = points.iter().map(|point| point.class).collect();
        Self {
            points: Tensor::from_data(TensorData::new(positions, [points.len(), 2]), device),
            classes: Tensor::from_data(TensorData::new(classes, [points.len()]), device),
        }
    }
}

/// Puts points into a batch, for a data loader.
pub struct Batches;

impl Batcher<Point, Batch> for Batches {
    fn batch(&self, points: Vec<Point>, device: &Device) -> Batch {
        Batch::new(&points, device)
    }
}
