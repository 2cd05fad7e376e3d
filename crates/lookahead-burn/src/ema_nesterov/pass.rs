//! The walks of a step over a module's parameters, around the inner step, and from p to theta and back.

use std::collections::BTreeMap;

use burn::module::{ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::optim::GradientsParams;
use burn::tensor::Tensor;
use lookahead::EmaNesterovConfig;
use lookahead::kernels::look_ahead::{self, Coefficients};

use crate::Weights;
use crate::flex::opens;
use crate::primal_averaged::in_place;
use crate::read_back::moved_to;
use crate::traversal::Lifted;
use crate::weights::{in_precision, widened};

/// Before the inner step: `theta - gamma / (1 - gamma) m` comes in the place of m; the module keeps p.
pub(super) struct Open<'a> {
    pub(super) config: &'a EmaNesterovConfig,
    /// The beta of the next look-ahead.
    pub(super) next: f64,
    pub(super) grads: &'a GradientsParams,
    pub(super) momentum: &'a mut Weights,
    pub(super) theta: &'a mut Weights,
    pub(super) betas: &'a BTreeMap<ParamId, f64>,
    /// The numbers of the parameters with a gradient.
    pub(super) stepped: BTreeMap<ParamId, Coefficients<f64>>,
}

impl ModuleMapper for Open<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if self.grads.get::<D>(param.id).is_none() {
            return param;
        }
        let Some(m) = self.momentum.take::<D>(param.id) else { return param };
        let (id, tensor, mapper) = param.consume();
        let (lifted, p) = Lifted::lower(tensor);
        let m = moved_to(m, &p.device());
        let beta = self.betas.get(&id).copied().unwrap_or_default();
        let coefficients = self.config.coefficients(beta, self.next);
        let (p, kept) = match self.theta.take::<D>(id) {
            Some(theta) => {
                let theta = behind(p.clone(), m.clone(), Some(theta), beta);
                (p, theta - m * (coefficients.before - beta))
            }
            None => open(p, m, coefficients),
        };
        self.momentum.insert(id, kept);
        self.stepped.insert(id, coefficients);
        Param::from_mapped_value(id, lifted.lift(p, id), mapper)
    }
}

/// After the inner step: m follows, and the module's theta becomes p.
pub(super) struct Close<'a> {
    pub(super) stepped: &'a BTreeMap<ParamId, Coefficients<f64>>,
    /// Whether a Lookahead below may have made theta finite again.
    pub(super) heals: bool,
    pub(super) momentum: &'a mut Weights,
    pub(super) theta: &'a mut Weights,
    pub(super) betas: &'a mut BTreeMap<ParamId, f64>,
}

impl ModuleMapper for Close<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(coefficients) = self.stepped.get(&param.id) else { return param };
        let Some(kept) = self.momentum.take::<D>(param.id) else { return param };
        let (id, tensor, mapper) = param.consume();
        let (lifted, theta) = Lifted::lower(tensor);
        let dtype = theta.dtype();
        if kept.dtype() != dtype {
            self.theta.insert(id, widened(theta.clone()));
        }
        let (p, m) = close(widened(theta), kept, *coefficients, self.heals);
        self.momentum.insert(id, m);
        self.betas.insert(id, coefficients.beta);
        Param::from_mapped_value(id, lifted.lift(in_precision(p, dtype), id), mapper)
    }
}

/// theta of each parameter.
pub(super) struct Behind<'a> {
    pub(super) momentum: &'a Weights,
    pub(super) theta: &'a Weights,
    pub(super) betas: &'a BTreeMap<ParamId, f64>,
    pub(super) of: Weights,
}

impl ModuleVisitor for Behind<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let Some(m) = self.momentum.get::<D>(param.id).filter(|m| m.dims() == param.dims()) else { return };
        let p = Lifted::lower(param.val()).1;
        let m = moved_to(m, &p.device());
        let beta = self.betas.get(&param.id).copied().unwrap_or_default();
        self.of.insert(param.id, behind(p, m, self.theta.get(param.id), beta));
    }
}

/// Puts theta in the place of p, which waits aside, where a parameter looks ahead and takes no gradient step.
pub(super) struct StepBack<'a> {
    /// Those of the step, if it is one.
    pub(super) grads: Option<&'a GradientsParams>,
    pub(super) momentum: &'a Weights,
    pub(super) theta: &'a Weights,
    pub(super) betas: &'a BTreeMap<ParamId, f64>,
    pub(super) aside: Aside,
}

/// p and theta of the parameters that have stepped back.
#[derive(Default)]
pub(super) struct Aside {
    p: Weights,
    theta: Weights,
}

impl Aside {
    pub(super) fn is_empty(&self) -> bool {
        self.p.is_empty()
    }
}

impl ModuleMapper for StepBack<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let beta = self.betas.get(&param.id).copied().unwrap_or_default();
        if beta == 0.0 || self.grads.is_some_and(|grads| grads.get::<D>(param.id).is_some()) {
            return param;
        }
        let Some(m) = self.momentum.get::<D>(param.id).filter(|m| m.dims() == param.dims()) else { return param };
        let (id, tensor, mapper) = param.consume();
        let (lifted, p) = Lifted::lower(tensor);
        let (dtype, m) = (p.dtype(), moved_to(m, &p.device()));
        let theta = behind(p.clone(), m, self.theta.get(id), beta);
        self.aside.p.insert(id, p);
        self.aside.theta.insert(id, theta.clone());
        Param::from_mapped_value(id, lifted.lift(in_precision(theta, dtype), id), mapper)
    }
}

/// Puts p back, as far on as theta has moved: `p <- p - (theta - theta')`. Where theta stays, p does; where it was not
/// finite, p begins anew at the new one.
pub(super) struct GoAlong<'a> {
    pub(super) aside: Aside,
    pub(super) theta: &'a mut Weights,
}

impl ModuleMapper for GoAlong<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Aside { p, theta } = &mut self.aside;
        let (Some(p), Some(theta)) = (p.take::<D>(param.id), theta.take::<D>(param.id)) else { return param };
        let (id, tensor, mapper) = param.consume();
        let (lifted, moved) = Lifted::lower(tensor);
        let dtype = moved.dtype();
        let rests = in_precision(theta.clone(), dtype).equal(moved.clone());
        let moved = widened(moved).mask_where(rests, theta.clone());
        if theta.dtype() != dtype {
            self.theta.insert(id, moved.clone());
        }
        let along = widened(p) - (theta.clone() - moved.clone());
        let p = moved.mask_where(theta.is_finite(), along);
        Param::from_mapped_value(id, lifted.lift(in_precision(p, dtype), id), mapper)
    }
}

/// theta: `p - beta m`; of a p in half precision the one that is kept, as long as p is the nearest number to
/// `theta + beta m`. Where it is another one, p has been moved from outside, and counts.
fn behind<const D: usize>(p: Tensor<D>, m: Tensor<D>, theta: Option<Tensor<D>>, beta: f64) -> Tensor<D> {
    if beta == 0.0 {
        return widened(p);
    }
    let ahead = m * beta;
    let Some(theta) = theta else { return widened(p) - ahead };
    let theta = moved_to(theta, &p.device());
    let rests = in_precision(theta.clone() + ahead.clone(), p.dtype()).equal(p.clone());
    (widened(p) - ahead).mask_where(rests, theta)
}

/// p, and `p - (beta + gamma / (1 - gamma)) m`.
fn open<const D: usize>(p: Tensor<D>, m: Tensor<D>, c: Coefficients<f64>) -> (Tensor<D>, Tensor<D>) {
    if opens(&p) && opens(&m) {
        return in_place(
            p,
            m,
            #[inline(always)]
            |p, m| look_ahead::open(p, m, c.in_precision()),
        );
    }
    (p.clone(), widened(p) - m * c.before)
}

/// From the new theta and what [`open`] has left to p and m. An m that is not finite begins anew at 0; tensor operations do
/// not look for it unless it `heals`.
fn close<const D: usize>(
    theta: Tensor<D>,
    kept: Tensor<D>,
    c: Coefficients<f64>,
    heals: bool,
) -> (Tensor<D>, Tensor<D>) {
    if opens(&theta) && opens(&kept) {
        return in_place(
            theta,
            kept,
            #[inline(always)]
            |theta, kept| look_ahead::close(theta, kept, c.in_precision()),
        );
    }
    let m = (theta.clone() - kept.clone()) * c.weight;
    // as a difference, so that -0.0 stays what it is where m is 0
    let back = (kept - theta.clone()) * c.weight;
    let finite_or_zero = |tensor: Tensor<D>| tensor.zeros_like().mask_where(tensor.clone().is_finite(), tensor);
    let (m, back) = if heals { (finite_or_zero(m), finite_or_zero(back)) } else { (m, back) };
    (if c.beta == 0.0 { theta } else { theta - back * c.beta }, m)
}
