//! What follows a normalisation in the same pass over memory: the addition of a branch, a ReLU, both or neither.

use super::NormError;
use super::error::check_length;

/// What is done to a normalised value before it is written: y = max(normalised + added, 0), each part if asked for.
///
/// The default does neither.
///
/// ```
/// use lookahead_nn::norm::Epilogue;
/// let end_of_a_residual_block = Epilogue::default().with_added(&[0.5, -0.5]).with_relu();
/// # let _ = end_of_a_residual_block;
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct Epilogue<'a> {
    pub(super) added: Option<&'a [f32]>,
    relu: bool,
}

impl<'a> Epilogue<'a> {
    /// Adds `added`, which is as long as the input: the other branch of a residual block.
    #[must_use]
    pub fn with_added(self, added: &'a [f32]) -> Self {
        Self { added: Some(added), ..self }
    }

    /// Ends with a ReLU; NaN stays NaN.
    #[must_use]
    pub fn with_relu(self) -> Self {
        Self { relu: true, ..self }
    }

    /// No output is below this.
    pub(super) fn floor(self) -> f32 {
        if self.relu { 0.0 } else { f32::NEG_INFINITY }
    }

    pub(super) fn check(self, len: usize) -> Result<(), NormError> {
        self.added.map_or(Ok(()), |added| check_length("added", added.len(), "x", len))
    }
}

/// The gradient that arrives at the output of a layer with an [`Epilogue`].
#[derive(Debug, Clone, Copy)]
pub struct Upstream<'a> {
    pub(super) dy: &'a [f32],
    pub(super) relu_output: Option<&'a [f32]>,
}

impl<'a> Upstream<'a> {
    /// `dy`, the gradient of a layer's output.
    #[must_use]
    pub fn new(dy: &'a [f32]) -> Self {
        Self { dy, relu_output: None }
    }

    /// The layer ended with a ReLU, whose output was `y`. As in [`relu_backward`](super::relu_backward) the gradient
    /// passes where `y` > 0.
    #[must_use]
    pub fn through_relu(self, y: &'a [f32]) -> Self {
        Self { relu_output: Some(y), ..self }
    }

    pub(super) fn check(self, len: usize) -> Result<(), NormError> {
        check_length("dy", self.dy.len(), "x", len)?;
        self.relu_output.map_or(Ok(()), |y| check_length("y", y.len(), "x", len))
    }
}

/// Where the gradients of a layer's inputs go. They are overwritten.
#[derive(Debug)]
pub struct Downstream<'a> {
    pub(super) dx: &'a mut [f32],
    pub(super) d_added: Option<&'a mut [f32]>,
}

impl<'a> Downstream<'a> {
    /// `dx`, as long as the input.
    #[must_use]
    pub fn new(dx: &'a mut [f32]) -> Self {
        Self { dx, d_added: None }
    }

    /// `d_added`, as long as the input: the gradient of what was added. Without a ReLU that would be `dy` itself.
    #[must_use]
    pub fn with_added(self, d_added: &'a mut [f32]) -> Self {
        Self { d_added: Some(d_added), ..self }
    }

    pub(super) fn check(&self, len: usize) -> Result<(), NormError> {
        check_length("dx", self.dx.len(), "x", len)?;
        self.d_added.as_ref().map_or(Ok(()), |d_added| check_length("d_added", d_added.len(), "x", len))
    }
}
