//! Pooling as PyTorch's documentation defines it: one window after the other, over signed positions.

/// A window over images, as plain numbers. Pairs are (height, width).
#[derive(Debug, Clone)]
pub struct Config {
    pub kernel: [usize; 2],
    pub stride: [usize; 2],
    pub dilation: [usize; 2],
    /// Before and after.
    pub padding: [[usize; 2]; 2],
    pub ceil: bool,
    /// Batch, height, width, channels.
    pub input: [usize; 4],
}

/// One window: the elements of the input that it holds, for one channel, in order, and its places within the padded
/// image.
pub struct Place {
    /// (index into the whole input, row * width + column)
    pub elements: Vec<(usize, usize)>,
    pub padded: usize,
}

impl Config {
    fn extent(&self, axis: usize) -> usize {
        (self.kernel[axis] - 1) * self.dilation[axis] + 1
    }

    /// Windows along an axis, counted: those that end within the padding; in ceil mode also one that ends after it, and
    /// then without the last if that starts after the pixels.
    pub fn windows(&self, axis: usize) -> usize {
        let (size, [before, after]) = (self.input[axis + 1], self.padding[axis]);
        let (extent, stride, padded) = (self.extent(axis), self.stride[axis], before + size + after);
        let whole = (0..=padded).take_while(|window| window * stride + extent <= padded).count();
        if !self.ceil {
            return whole;
        }
        let partial = (0..=padded + stride).take_while(|window| window * stride + extent < padded + stride).count();
        let dropped = partial > 0 && (partial - 1) * stride >= before + size;
        partial - usize::from(dropped)
    }

    pub fn output(&self) -> [usize; 4] {
        let [batch, _, _, channels] = self.input;
        [batch, self.windows(0), self.windows(1), channels]
    }

    /// All windows of all images and channels, in the order of the output.
    pub fn places(&self) -> Vec<Place> {
        let [batch, height, width, channels] = self.input;
        let [_, rows, columns, _] = self.output();
        let mut places = Vec::new();
        for image in 0..batch {
            for row in 0..rows {
                for column in 0..columns {
                    for channel in 0..channels {
                        let at = |pixel: usize| (image * height * width + pixel) * channels + channel;
                        let mut place = Place { elements: Vec::new(), padded: 0 };
                        for y in self.positions(0, row) {
                            for x in self.positions(1, column) {
                                place.padded += usize::from(self.is_padded(0, y) && self.is_padded(1, x));
                                if let (Some(y), Some(x)) = (inside(y, height), inside(x, width)) {
                                    place.elements.push((at(y * width + x), y * width + x));
                                }
                            }
                        }
                        places.push(place);
                    }
                }
            }
        }
        places
    }

    /// Where the elements of a window lie along an axis: pixels count from 0, padding before them is negative.
    fn positions(&self, axis: usize, window: usize) -> impl Iterator<Item = isize> + use<> {
        let [stride, dilation] = [self.stride[axis], self.dilation[axis]];
        let before = self.padding[axis][0] as isize;
        (0..self.kernel[axis]).map(move |element| (window * stride + element * dilation) as isize - before)
    }

    fn is_padded(&self, axis: usize, position: isize) -> bool {
        position < (self.input[axis + 1] + self.padding[axis][1]) as isize
    }
}

fn inside(position: isize, size: usize) -> Option<usize> {
    usize::try_from(position).ok().filter(|&position| position < size)
}
