//! Two-dimensional convolution: the public type, and which kernel takes which shape.

mod axis;
mod depthwise;
mod layout;
mod outer;
mod plan;
mod shape;
mod taps;
mod weights;
mod winograd;

pub use shape::{ConvShape, Padding};

use crate::kernel::panels::{Panels, WeightShape};
use crate::kernel::row_sums::row_sums;
use crate::{Error, InstructionSet};
use plan::{Grid, Plan, TaskSize};
use winograd::Winograd;

/// How a convolution is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Algorithm {
    /// Winograd's F(2x2, 3x3) (Lavin and Gray 2015) where it is faster, else [`Direct`](Self::Direct): for kernels of 3x3
    /// with stride 1, neither dilated nor grouped, with at least 32 channels on either side, multiples of 16, and at least
    /// half as many tiles of 2x2 outputs in the batch as there are channels on the larger side. Tests hold both to the same
    /// accuracy.
    #[default]
    Auto,
    /// Sums over taps and channels, as in the definition.
    Direct,
    /// Winograd's F(4x4, 3x3), 36 multiplications for 144: mostly faster than [`Auto`](Self::Auto) and less
    /// accurate. Tests hold the root of the mean square of the error to 1.5e-6 of what the sums would be if their terms
    /// did not cancel, `Auto`'s to 1e-6. On two cores with AVX2 it takes layers of ResNets 1.0 to 1.5 times as fast, forward
    /// and back: least with 32 channels, most with 128
    /// ([record](https://github.com/lookahead-rs/lookahead/tree/main/records/convolution)).
    ///
    /// For kernels and channels as `Auto`'s F(2x2), where 4x4 outputs make at least a quarter as many tiles in the batch as
    /// there are channels on the larger side, and at most a third as many as 2x2 outputs. All other shapes are computed
    /// like `Auto`, to the same bits.
    Winograd4x4,
}

/// A convolution of checked shape, forward and backward. It holds no weights and no memory, and costs nothing to make.
///
/// Slices are as described at the [crate's front page](crate); each is written whole, whatever was in it. All cores of the
/// current rayon pool take part.
#[derive(Debug, Clone, Copy)]
pub struct Conv2d {
    shape: ConvShape,
    output: [usize; 4],
    algorithm: Algorithm,
    set: InstructionSet,
}

impl Conv2d {
    /// Checks a shape.
    ///
    /// # Errors
    /// [`Error::Zero`] if a size, stride, dilation or the number of groups is 0, [`Error::Groups`] if the groups divide the
    /// channels of either side unevenly, [`Error::KernelTooLarge`] if the kernel does not fit into the padded image,
    /// [`Error::TooLarge`] if a buffer would have more than `isize::MAX` bytes.
    pub fn new(shape: &ConvShape) -> Result<Self, Error> {
        let output = shape.check()?;
        Ok(Self { shape: *shape, output, algorithm: Algorithm::default(), set: InstructionSet::best() })
    }

    /// Computed in another way. The default is [`Algorithm::Auto`].
    #[must_use]
    pub const fn with_algorithm(mut self, algorithm: Algorithm) -> Self {
        self.algorithm = algorithm;
        self
    }

    /// With these vector instructions in place of the widest that there are.
    #[doc(hidden)]
    #[must_use]
    pub const fn with_instruction_set(mut self, set: InstructionSet) -> Self {
        self.set = set;
        self
    }

    /// What was checked.
    #[must_use]
    pub const fn shape(&self) -> &ConvShape {
        &self.shape
    }

    /// `[batch, height, width, input channels]`.
    #[must_use]
    pub const fn input_shape(&self) -> [usize; 4] {
        self.shape.input
    }

    /// `[batch, height, width, output channels]`.
    #[must_use]
    pub const fn output_shape(&self) -> [usize; 4] {
        self.output
    }

    /// `[kernel height, kernel width, input channels / groups, output channels]`.
    #[must_use]
    pub const fn weight_shape(&self) -> [usize; 4] {
        self.shape.weight()
    }

    /// The numbers of the input.
    #[must_use]
    pub const fn input_len(&self) -> usize {
        product(self.input_shape())
    }

    /// The numbers of the output.
    #[must_use]
    pub const fn output_len(&self) -> usize {
        product(self.output_shape())
    }

    /// The numbers of the weights.
    #[must_use]
    pub const fn weight_len(&self) -> usize {
        product(self.weight_shape())
    }

    /// The output `y` for the input `x`, the weights `w` and, if there is one, a bias for each output channel.
    ///
    /// # Errors
    /// [`Error::Length`] if a slice does not have the length of its shape.
    pub fn forward(&self, x: &[f32], w: &[f32], bias: Option<&[f32]>, y: &mut [f32]) -> Result<(), Error> {
        check_len("the input", x.len(), self.input_shape())?;
        check_len("the weight", w.len(), self.weight_shape())?;
        if let Some(bias) = bias {
            check_len("the bias", bias.len(), self.bias_shape())?;
        }
        check_len("the output", y.len(), self.output_shape())?;
        if self.is_depthwise() {
            depthwise::convolve(self.set, &self.forward_plan(self.task_size()), (w, bias), x, y);
        } else if let Some(winograd) = self.winograd() {
            winograd.forward(self.set, x, w, bias, y);
        } else {
            let set = self.set.suited_to(self.weight_matrix().filters);
            let panels = Panels::forward(set, w, self.weight_matrix(), bias);
            taps::convolve(set, &self.forward_plan(self.task_size()), &panels, x, y);
        }
        Ok(())
    }

    /// The gradient `dx` of the input from that of the output, `dy`, and the weights `w`.
    ///
    /// # Errors
    /// [`Error::Length`] if a slice does not have the length of its shape.
    pub fn backward_data(&self, dy: &[f32], w: &[f32], dx: &mut [f32]) -> Result<(), Error> {
        check_len("the gradient of the output", dy.len(), self.output_shape())?;
        check_len("the weight", w.len(), self.weight_shape())?;
        check_len("the gradient of the input", dx.len(), self.input_shape())?;
        if self.is_depthwise() {
            let turned: Vec<f32> = w.chunks_exact(self.output[3]).rev().flatten().copied().collect();
            depthwise::convolve(self.set, &self.backward_plan(self.task_size()), (&turned, None), dy, dx);
        } else if let Some(winograd) = self.winograd() {
            winograd.backward_data(self.set, dy, w, dx);
        } else {
            let set = self.set.suited_to(self.weight_matrix().channels);
            let panels = Panels::backward(set, w, self.weight_matrix());
            taps::convolve(set, &self.backward_plan(self.task_size()), &panels, dy, dx);
        }
        Ok(())
    }

    /// The gradient `dw` of the weights from the input `x` and the gradient of the output, `dy`.
    ///
    /// # Errors
    /// [`Error::Length`] if a slice does not have the length of its shape.
    pub fn backward_weight(&self, x: &[f32], dy: &[f32], dw: &mut [f32]) -> Result<(), Error> {
        check_len("the input", x.len(), self.input_shape())?;
        check_len("the gradient of the output", dy.len(), self.output_shape())?;
        check_len("the gradient of the weight", dw.len(), self.weight_shape())?;
        if self.is_depthwise() {
            depthwise::gradient(self.set, &self.forward_plan(self.sum_size()), x, dy, dw);
        } else if let Some(winograd) = self.winograd() {
            winograd.backward_weight(self.set, x, dy, dw);
        } else {
            let set = self.set.suited_to(self.weight_matrix().filters);
            weights::gradient(set, &self.forward_plan(self.sum_size()), x, dy, dw);
        }
        Ok(())
    }

    /// The gradient `db` of the bias from that of the output, `dy`.
    ///
    /// # Errors
    /// [`Error::Length`] if a slice does not have the length of its shape.
    pub fn backward_bias(&self, dy: &[f32], db: &mut [f32]) -> Result<(), Error> {
        check_len("the gradient of the output", dy.len(), self.output_shape())?;
        check_len("the gradient of the bias", db.len(), self.bias_shape())?;
        row_sums(self.set, dy, db);
        Ok(())
    }

    const fn bias_shape(&self) -> [usize; 4] {
        [1, 1, 1, self.shape.out_channels]
    }

    const fn is_depthwise(&self) -> bool {
        let ConvShape { groups, out_channels, input, .. } = self.shape;
        groups > 1 && groups == input[3] && groups == out_channels
    }

    fn winograd(&self) -> Option<Winograd> {
        let grids = [grid(self.shape.input), grid(self.output)];
        Winograd::of(self.algorithm, &self.shape, grids)
    }

    const fn weight_matrix(&self) -> WeightShape {
        let [height, width, channels, out_channels] = self.weight_shape();
        let groups = self.shape.groups;
        WeightShape { taps: height * width, channels, filters: out_channels / groups, groups }
    }

    /// Enough pixels that it pays to read the weights for them, yet a task for each thread. Only where no sum runs over
    /// pixels: bits must not depend on threads.
    fn task_size(&self) -> TaskSize {
        TaskSize { pixels: 256, images: self.shape.input[0].div_ceil(rayon::current_num_threads()) }
    }

    /// Enough pixels that those at the edges are worth reading and writing the sums.
    const fn sum_size(&self) -> TaskSize {
        TaskSize { pixels: 1024, images: self.shape.input[0] }
    }

    fn forward_plan(&self, size: TaskSize) -> Plan {
        let [rows, columns] = self.shape.axes();
        let classes = [axis::forward(&rows, self.output[1]), axis::forward(&columns, self.output[2])];
        self.plan(classes, [grid(self.shape.input), grid(self.output)], size)
    }

    fn backward_plan(&self, size: TaskSize) -> Plan {
        let [rows, columns] = self.shape.axes();
        let classes = [axis::backward(&rows, self.output[1]), axis::backward(&columns, self.output[2])];
        self.plan(classes, [grid(self.output), grid(self.shape.input)], size)
    }

    fn plan(&self, classes: [Vec<axis::Class>; 2], grids: [Grid; 2], size: TaskSize) -> Plan {
        Plan::new(classes, self.shape.kernel, grids, self.shape.groups, size)
    }
}

const fn grid([_, height, width, channels]: [usize; 4]) -> Grid {
    Grid { height, width, channels }
}

const fn product([a, b, c, d]: [usize; 4]) -> usize {
    a * b * c * d
}

fn check_len(name: &'static str, found: usize, shape: [usize; 4]) -> Result<(), Error> {
    let expected = product(shape);
    if found == expected { Ok(()) } else { Err(Error::Length { name, shape, expected, found }) }
}
