//! Dropout from a generator that is passed down, so that a step can be repeated to the same bits (Srivastava et al. 2014).

use burn::tensor::{DType, Device, FloatDType, Tensor, TensorData, bf16, f16};
use lookahead_cube::{ChaCha8, dropout_factors};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;

/// What is dropped out in one pass through a network: in training as the generator says, in evaluation nothing.
///
/// ```
/// use lookahead_models::Dropout;
/// use lookahead_runs::random::stream;
/// let on = (&burn::tensor::Device::flex(), burn::tensor::DType::F32);
/// let mask = |step| Dropout::training(&mut stream(0, "dropout", step)).mask(0.25, [2, 3], on).unwrap().into_data();
/// assert_eq!(mask(7), mask(7));
/// assert!(mask(7).iter::<f32>().all(|factor| factor == 0.0 || factor == 4.0 / 3.0));
/// assert!(Dropout::evaluation().mask(0.25, [2, 3], on).is_none());
/// ```
#[derive(Debug)]
pub struct Dropout<'a> {
    random: Option<&'a mut ChaCha8Rng>,
}

impl<'a> Dropout<'a> {
    /// In training: every mask comes from the generator.
    #[must_use]
    pub fn training(random: &'a mut ChaCha8Rng) -> Self {
        Self { random: Some(random) }
    }

    /// In evaluation: there are no masks.
    #[must_use]
    pub fn evaluation() -> Self {
        Self { random: None }
    }

    /// Whether masks are drawn.
    #[must_use]
    pub fn is_training(&self) -> bool {
        self.random.is_some()
    }

    /// A factor for each element: 0 with probability `p`, at least 0 and below 1, else 1 / (1 - `p`). None in evaluation
    /// or where `p` is 0.
    ///
    /// One draw of 16 bits an element: `p` counts as its nearest multiple of 2^-16 below 1, in the factor too. A GPU draws the same
    /// factors itself, and the generator goes on as if the host had.
    #[must_use]
    pub fn mask<const D: usize>(
        &mut self,
        p: f64,
        shape: [usize; D],
        (device, dtype): (&Device, DType),
    ) -> Option<Tensor<D>> {
        const DRAWS: f64 = 65_536.0;
        let dropped = (p * DRAWS).round().clamp(0.0, DRAWS - 1.0) as u16;
        let random = self.random.as_mut().filter(|_| dropped > 0)?;
        // E[factor] = (1 - p) / (1 - p) = 1
        let kept = in_precision(dtype, (1.0 / (1.0 - f64::from(dropped) / DRAWS)) as f32);
        let count: usize = shape.iter().product();
        if let Some(factors) = dropout_factors(place_of(random), dropped, kept, shape, device) {
            random.set_word_pos(random.get_word_pos() + count.div_ceil(2) as u128);
            let factors = if dtype == DType::F32 { factors } else { factors.cast(FloatDType::from(dtype)) };
            return Some(match device.gradient_checkpointing_strategy() {
                Some(strategy) => factors.autodiff().with_gradient_checkpointing_strategy(strategy),
                None => factors,
            });
        }
        let mut factors = Vec::with_capacity(count);
        let mut bytes = [0; 4096];
        while factors.len() < count {
            let draws = (count - factors.len()).min(bytes.len() / 2);
            let drawn = &mut bytes[..2 * draws];
            random.fill_bytes(drawn);
            let factor = |pair: &[u8; 2]| if u16::from_le_bytes(*pair) < dropped { 0.0 } else { kept };
            factors.extend(drawn.as_chunks().0.iter().map(factor));
        }
        Some(Tensor::from_data(TensorData::new(factors, shape), (device, dtype)))
    }

    /// `x` times a mask of its shape, every element dropped by itself.
    #[must_use]
    pub fn apply<const D: usize>(&mut self, x: Tensor<D>, p: f64) -> Tensor<D> {
        match self.mask(p, x.dims(), (&x.device(), x.dtype())) {
            Some(mask) => x * mask,
            None => x,
        }
    }
}

/// The nearest number of this precision.
fn in_precision(dtype: DType, value: f32) -> f32 {
    match dtype {
        DType::F16 => f16::from_f32(value).to_f32(),
        DType::BF16 => bf16::from_f32(value).to_f32(),
        _ => value,
    }
}

/// Where a generator stands.
fn place_of(random: &ChaCha8Rng) -> ChaCha8 {
    ChaCha8 { stream: random.get_stream(), word: random.get_word_pos(), ..ChaCha8::new(random.get_seed()) }
}
