//! Convolution in doubles, by its definition, and numbers to try it on.

use lookahead_nn::{Conv2d, ConvShape};

/// A sum, and the root of the sum of its squared terms: how large it is likely to be. Sums may cancel, rounding does not.
#[derive(Clone, Copy, Default)]
pub struct Sum {
    value: f64,
    squares: f64,
}

impl Sum {
    fn add(&mut self, a: f32, b: f32) {
        let term = f64::from(a) * f64::from(b);
        self.value += term;
        self.squares += term * term;
    }
}

/// The output and the gradients.
pub struct Reference {
    pub y: Vec<Sum>,
    pub dx: Vec<Sum>,
    pub dw: Vec<Sum>,
    pub db: Vec<Sum>,
}

/// What a convolution is tried on.
pub struct Numbers {
    pub x: Vec<f32>,
    pub w: Vec<f32>,
    pub bias: Vec<f32>,
    pub dy: Vec<f32>,
}

impl Numbers {
    pub fn of(conv: &Conv2d, seed: u32) -> Self {
        let filters = conv.output_shape()[3];
        Self {
            x: values(conv.input_len(), seed),
            w: values(conv.weight_len(), seed.wrapping_add(1)),
            bias: values(filters, seed.wrapping_add(2)),
            dy: values(conv.output_len(), seed.wrapping_add(3)),
        }
    }
}

/// Between -1/2 and 1/2: the upper 24 bits of a hash (the finalizer of MurmurHash3) of the place.
pub fn values(len: usize, seed: u32) -> Vec<f32> {
    let hash = |place: u32| {
        let bits = place.wrapping_mul(0x9E37_79B9).wrapping_add(seed.wrapping_mul(0x7F4A_7C15));
        let bits = (bits ^ (bits >> 16)).wrapping_mul(0x85EB_CA6B);
        let bits = (bits ^ (bits >> 13)).wrapping_mul(0xC2B2_AE35);
        bits ^ (bits >> 16)
    };
    (0..).take(len).map(|place| (hash(place) >> 8) as f32 / 16_777_216.0 - 0.5).collect()
}

pub fn reference(conv: &Conv2d, numbers: &Numbers) -> Reference {
    let ConvShape { input: [batch, height, width, channels], kernel, stride, padding, dilation, groups, .. } =
        *conv.shape();
    let [_, out_height, out_width, filters] = conv.output_shape();
    let (channels_of_group, filters_of_group) = (channels / groups, filters / groups);
    let Numbers { x, w, bias, dy } = numbers;
    let mut sums = Reference {
        y: vec![Sum::default(); conv.output_len()],
        dx: vec![Sum::default(); conv.input_len()],
        dw: vec![Sum::default(); conv.weight_len()],
        db: vec![Sum::default(); filters],
    };
    for pixel in 0..batch * out_height * out_width {
        let (n, i, j) = (pixel / (out_height * out_width), pixel / out_width % out_height, pixel % out_width);
        for k in 0..filters {
            sums.y[pixel * filters + k].add(bias[k], 1.0);
            sums.db[k].add(dy[pixel * filters + k], 1.0);
        }
        for (r, q) in (0..kernel[0]).flat_map(|r| (0..kernel[1]).map(move |q| (r, q))) {
            let row = (i * stride[0] + r * dilation[0]).wrapping_sub(padding.top);
            let column = (j * stride[1] + q * dilation[1]).wrapping_sub(padding.left);
            if row >= height || column >= width {
                continue;
            }
            for k in 0..filters {
                for c in 0..channels_of_group {
                    let channel = k / filters_of_group * channels_of_group + c;
                    let at_x = ((n * height + row) * width + column) * channels + channel;
                    let at_w = ((r * kernel[1] + q) * channels_of_group + c) * filters + k;
                    let at_y = pixel * filters + k;
                    sums.y[at_y].add(x[at_x], w[at_w]);
                    sums.dx[at_x].add(dy[at_y], w[at_w]);
                    sums.dw[at_w].add(x[at_x], dy[at_y]);
                }
            }
        }
    }
    sums
}

/// The root of the mean square of the error, relative to that of the sums' likely sizes.
pub fn relative_error(found: &[f32], expected: &[Sum]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let error: f64 = found.iter().zip(expected).map(|(found, sum)| (f64::from(*found) - sum.value).powi(2)).sum();
    let size: f64 = expected.iter().map(|sum| sum.squares).sum();
    if error == 0.0 { 0.0 } else { (error / size).sqrt() }
}
