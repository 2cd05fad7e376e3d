//! The walks of a step over a module's parameters: from y to z and back, around the inner step.

use std::collections::BTreeMap;

use burn::module::{ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::optim::GradientsParams;
use burn::tensor::Tensor;
use lookahead::kernels::Pass;
use lookahead::kernels::primal::{self, Coefficients};
use lookahead::{PrimalAveraging, PrimalRates};

use crate::Weights;
use crate::flex::{Values, opens};
use crate::read_back::moved_to;
use crate::traversal::Lifted;
use crate::weights::{in_precision, widened};

/// What is known of a step before it is taken.
pub(super) struct Step<'a> {
    pub(super) averaging: &'a PrimalAveraging,
    pub(super) rates: &'a PrimalRates,
    pub(super) grads: &'a GradientsParams,
    pub(super) all_move: bool,
}

/// Before the inner step: the module's y becomes z, and x waits where z was.
pub(super) struct Open<'a> {
    pub(super) step: Step<'a>,
    pub(super) kept: &'a mut Weights,
    pub(super) x: &'a mut Weights,
    pub(super) sums: &'a mut BTreeMap<ParamId, f64>,
    pub(super) opened: BTreeMap<ParamId, Coefficients<f64>>,
}

impl ModuleMapper for Open<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Step { averaging, rates, grads, all_move } = self.step;
        let steps = grads.get::<D>(param.id).is_some();
        let moves = steps || (all_move && !is_frozen(&param));
        let Some(z) = self.kept.get::<D>(param.id).filter(|_| moves) else { return param };
        let (id, tensor, mapper) = param.consume();
        self.kept.remove(id);
        let sum = self.sums.entry(id).or_default();
        if steps {
            *sum += rates.weight;
        }
        let coefficients = averaging.coefficients(steps.then_some(rates), *sum);
        self.opened.insert(id, coefficients);
        let (lifted, y) = Lifted::lower(tensor);
        let (dtype, z) = (y.dtype(), moved_to(z, &y.device()));
        let y = match self.x.take::<D>(id) {
            // y in full, of which the module holds the nearest number in half precision
            Some(x) => z.clone() - (z.clone() - moved_to(x, &y.device())) * coefficients.interpolation,
            None => widened(y),
        };
        let (z, x) = open(y, z, coefficients);
        self.kept.insert(id, x);
        Param::from_mapped_value(id, lifted.lift(in_precision(z, dtype), id), mapper)
    }
}

/// After the inner step: x follows z, and the module's z becomes y.
pub(super) struct Close<'a> {
    pub(super) opened: &'a BTreeMap<ParamId, Coefficients<f64>>,
    pub(super) kept: &'a mut Weights,
    pub(super) x: &'a mut Weights,
}

impl ModuleMapper for Close<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(coefficients) = self.opened.get(&param.id) else { return param };
        let Some(x) = self.kept.take::<D>(param.id) else { return param };
        let (id, tensor, mapper) = param.consume();
        let (lifted, z) = Lifted::lower(tensor);
        let dtype = z.dtype();
        let is_half = x.dtype() != dtype;
        let z = widened(z);
        if is_half {
            self.x.insert(id, x.clone() - (x.clone() - z.clone()) * coefficients.weight);
        }
        let (y, z) = close(z, x, *coefficients);
        self.kept.insert(id, z);
        Param::from_mapped_value(id, lifted.lift(in_precision(y, dtype), id), mapper)
    }
}

/// Around the end of a partial cycle below: z in place of y, which is put aside.
pub(super) struct Swap<'a> {
    pub(super) z: &'a mut Weights,
    pub(super) y: Weights,
    /// `1 - mu_y`
    pub(super) rest: f64,
}

impl<'a> Swap<'a> {
    /// The way back: y goes along with z.
    pub(super) fn back(self) -> SwapBack<'a> {
        SwapBack(self)
    }
}

impl ModuleMapper for Swap<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(z) = self.z.get::<D>(param.id).filter(|_| !is_frozen(&param)) else { return param };
        let (id, tensor, mapper) = param.consume();
        let (lifted, y) = Lifted::lower(tensor);
        let z = in_precision(moved_to(z, &y.device()), y.dtype());
        self.y.insert(id, y);
        Param::from_mapped_value(id, lifted.lift(z, id), mapper)
    }
}

pub(super) struct SwapBack<'a>(Swap<'a>);

impl ModuleMapper for SwapBack<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Swap { z: kept, y, rest } = &mut self.0;
        let (Some(y), Some(z)) = (y.take::<D>(param.id), kept.take::<D>(param.id)) else { return param };
        let (id, tensor, mapper) = param.consume();
        let (lifted, moved) = Lifted::lower(tensor);
        let (dtype, moved) = (moved.dtype(), widened(moved));
        // y <- y - (1 - mu_y) (z - z'); where z stays, y does
        let y = widened(y) - (moved_to(z, &moved.device()) - moved.clone()) * *rest;
        kept.insert(id, moved);
        Param::from_mapped_value(id, lifted.lift(in_precision(y, dtype), id), mapper)
    }
}

/// x of each parameter.
pub(super) struct Mean<'a> {
    pub(super) z: &'a Weights,
    pub(super) x: &'a Weights,
    pub(super) interpolation: f64,
    pub(super) of: Weights,
}

impl ModuleVisitor for Mean<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let Some(z) = self.z.get::<D>(param.id) else { return };
        let x = self.x.get::<D>(param.id).unwrap_or_else(|| {
            let y = widened(Lifted::lower(param.val()).1);
            let z = moved_to(z, &y.device());
            // x = z - (z - y) / mu_y
            z.clone() - (z - y) / self.interpolation
        });
        self.of.insert(param.id, x);
    }
}

fn is_frozen<const D: usize>(param: &Param<Tensor<D>>) -> bool {
    Lifted::lower(param.val()).0.is_frozen()
}

/// After y has been moved from outside: x of the parameters in half precision follows from it, where it is not the rounding
/// of what it was.
pub(super) struct Rebase<'a> {
    pub(super) z: &'a Weights,
    pub(super) x: &'a mut Weights,
    pub(super) interpolation: f64,
}

impl ModuleVisitor for Rebase<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let (Some(x), Some(z)) = (self.x.get::<D>(param.id), self.z.get::<D>(param.id)) else { return };
        let y = Lifted::lower(param.val()).1;
        let (x, z) = (moved_to(x, &y.device()), moved_to(z, &y.device()));
        let was = z.clone() - (z.clone() - x.clone()) * self.interpolation;
        let rests = in_precision(was, y.dtype()).equal(y.clone());
        // x = z - (z - y) / mu_y
        let moved = z.clone() - (z - widened(y)) / self.interpolation;
        self.x.insert(param.id, moved.mask_where(rests, x));
    }
}

/// From y and z to the z that the inner optimizer steps and the x that waits: `x = z - (z - y) / mu_y`.
fn open<const D: usize>(y: Tensor<D>, z: Tensor<D>, c: Coefficients<f64>) -> (Tensor<D>, Tensor<D>) {
    if opens(&y) && opens(&z) {
        return in_place(
            y,
            z,
            #[inline(always)]
            |y, z| primal::open(y, z, c.in_precision()),
        );
    }
    let [z, y] =
        [(z, c.keep[0]), (y, c.keep[1])].map(|(tensor, keep)| if keep == 1.0 { tensor } else { tensor * keep });
    let start = if c.decay == 0.0 { z.clone() } else { z.clone() - y.clone() * c.decay };
    (start, z.clone() - (z - y) / c.interpolation)
}

/// From the new z and x to y and z: `x <- x - weight (x - z)`, `y = z - mu_y (z - x)`.
fn close<const D: usize>(z: Tensor<D>, x: Tensor<D>, c: Coefficients<f64>) -> (Tensor<D>, Tensor<D>) {
    if opens(&z) && opens(&x) {
        return in_place(
            z,
            x,
            #[inline(always)]
            |z, x| primal::close(z, x, c.in_precision()),
        );
    }
    let x = x.clone() - (x - z.clone()) * c.weight;
    (z.clone() - (z.clone() - x) * c.interpolation, z)
}

fn in_place<const D: usize>(
    one: Tensor<D>,
    other: Tensor<D>,
    work: impl Fn(&mut [f32], &mut [f32]) + Sync,
) -> (Tensor<D>, Tensor<D>) {
    let (mut one, mut other) = (Values::of(one), Values::of(other));
    let (first, second) = (one.as_mut_slice(), other.as_mut_slice());
    Pass::new().for_each(
        first.len(),
        std::iter::once((first, second)),
        #[inline(always)]
        |(first, second)| {
            work(first, second);
            0
        },
    );
    (one.into_tensor(), other.into_tensor())
}
