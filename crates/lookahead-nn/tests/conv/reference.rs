//! Convolution in doubles, by its definition, and what it is tried on.

use lookahead_nn::{Conv2d, ConvShape};

use crate::sums::{Sum, values};

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
