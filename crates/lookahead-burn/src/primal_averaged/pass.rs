//! The walks of a step over a module's parameters: from y to z and back, around the inner step.

use std::collections::BTreeMap;

use burn::module::{ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::optim::GradientsParams;
use burn::tensor::Tensor;
use lookahead::PrimalAveraging;
use lookahead::kernels::Pass;
use lookahead::kernels::primal::{self, Coefficients};

use crate::Weights;
use crate::flex::{Values, opens};
use crate::learning_rate::Rates;
use crate::read_back::moved_to;
use crate::traversal::Lifted;
use crate::weights::{in_precision, widened};

/// What a walk has taken out of the module.
#[derive(Default)]
pub(super) struct Opened {
    /// The numbers of the parameters with a gradient: x waits where z was.
    stepped: BTreeMap<ParamId, Coefficients<f64>>,
    /// y of the others.
    aside: Weights,
}

/// Before the inner step: the module's y becomes z.
pub(super) struct Open<'a> {
    pub(super) averaging: &'a PrimalAveraging,
    pub(super) step: u64,
    /// How much the new z weighs.
    pub(super) weight: f64,
    pub(super) rates: &'a Rates,
    pub(super) grads: &'a GradientsParams,
    /// Whether parameters without a gradient may move too.
    pub(super) all_move: bool,
    pub(super) z: &'a mut Weights,
    pub(super) x: &'a mut Weights,
    pub(super) sums: &'a mut BTreeMap<ParamId, f64>,
    pub(super) opened: Opened,
}

impl ModuleMapper for Open<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let steps = self.grads.get::<D>(param.id).is_some();
        let Some(z) = self.z.get::<D>(param.id).filter(|_| steps || self.all_move) else { return param };
        let (id, tensor, mapper) = param.consume();
        let (lifted, y) = Lifted::lower(tensor);
        let (dtype, z) = (y.dtype(), moved_to(z, &y.device()));
        let start = if steps {
            let mut rates = self.averaging.rates(self.rates.get(id), self.step, &mut 0.0);
            rates.weight = self.weight;
            let sum = self.sums.entry(id).or_default();
            *sum += rates.weight;
            let coefficients = self.averaging.coefficients(&rates, *sum);
            self.z.remove(id);
            let y = in_full(y, &z, self.x.take(id), coefficients.interpolation);
            let (start, x) = open(y, z, coefficients);
            self.z.insert(id, x);
            self.opened.stepped.insert(id, coefficients);
            start
        } else {
            self.opened.aside.insert(id, y);
            z
        };
        Param::from_mapped_value(id, lifted.lift(in_precision(start, dtype), id), mapper)
    }
}

/// After the inner step: x follows z, and the module's z becomes y.
pub(super) struct Close<'a> {
    pub(super) opened: Opened,
    pub(super) interpolation: f64,
    /// Whether a Lookahead below may have made z finite again.
    pub(super) heals: bool,
    pub(super) z: &'a mut Weights,
    pub(super) x: &'a mut Weights,
}

impl ModuleMapper for Close<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let stepped = self.opened.stepped.get(&param.id).copied();
        let aside = self.opened.aside.take::<D>(param.id);
        if stepped.is_none() && aside.is_none() {
            return param;
        }
        let Some(kept) = self.z.take::<D>(param.id) else { return param };
        let (id, tensor, mapper) = param.consume();
        let (lifted, theta) = Lifted::lower(tensor);
        let dtype = theta.dtype();
        let (y, z) = match (stepped, aside) {
            (Some(coefficients), _) => {
                let (y, z) = close(widened(theta), kept, coefficients, self.heals);
                if z.dtype() != dtype {
                    // x = z - (z - y) / mu_y
                    self.x.insert(id, z.clone() - (z.clone() - y.clone()) / self.interpolation);
                }
                (y, z)
            }
            (None, aside) => go_along(aside.unwrap_or_else(|| theta.clone()), kept, theta, self.interpolation),
        };
        self.z.insert(id, z);
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
        let Some(z) = self.z.get::<D>(param.id).filter(|z| z.dims() == param.dims()) else { return };
        let y = Lifted::lower(param.val()).1;
        let z = moved_to(z, &y.device());
        let y = in_full(y, &z, self.x.get(param.id), self.interpolation);
        // x = z - (z - y) / mu_y
        self.of.insert(param.id, z.clone() - (z - y) / self.interpolation);
    }
}

/// y as z and x have it, of which a module in half precision holds the nearest number; where it holds another one, y has
/// been moved from outside, and counts.
fn in_full<const D: usize>(y: Tensor<D>, z: &Tensor<D>, x: Option<Tensor<D>>, interpolation: f64) -> Tensor<D> {
    let Some(x) = x else { return widened(y) };
    let full = z.clone() - (z.clone() - moved_to(x, &y.device())) * interpolation;
    let rests = in_precision(full.clone(), y.dtype()).equal(y.clone());
    widened(y).mask_where(rests, full)
}

/// x stays where z moves to theta: `y <- y - (1 - mu_y) (z - theta)`. Where z stays, y does; where it was not finite, both
/// begin anew at theta. Gives y and z.
fn go_along<const D: usize>(
    y: Tensor<D>,
    z: Tensor<D>,
    theta: Tensor<D>,
    interpolation: f64,
) -> (Tensor<D>, Tensor<D>) {
    let z = moved_to(z, &theta.device());
    let rests = in_precision(z.clone(), theta.dtype()).equal(theta.clone());
    let moved = widened(theta).mask_where(rests, z.clone());
    let along = widened(y) - (z.clone() - moved.clone()) * (1.0 - interpolation);
    (moved.clone().mask_where(z.is_finite(), along), moved)
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

/// From the new z and x to y and z: `x <- x - weight (x - z)`, `y = z - mu_y (z - x)`. An x that is not finite begins anew
/// at z; tensor operations do not look for it unless it `heals`.
fn close<const D: usize>(z: Tensor<D>, x: Tensor<D>, c: Coefficients<f64>, heals: bool) -> (Tensor<D>, Tensor<D>) {
    if opens(&z) && opens(&x) {
        return in_place(
            z,
            x,
            #[inline(always)]
            |z, x| primal::close(z, x, c.in_precision()),
        );
    }
    let x = x.clone() - (x - z.clone()) * c.weight;
    let x = if heals { z.clone().mask_where(x.clone().is_finite(), x) } else { x };
    (z.clone() - (z.clone() - x) * c.interpolation, z)
}

/// Works on both tensors in place, where both can be opened.
pub(crate) fn in_place<const D: usize>(
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
