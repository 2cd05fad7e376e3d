//! The outer learning rates that converge (stability of Lookahead's descendants): where the first eigenvalue of a cycle
//! leaves the unit circle, as the first root of polynomials in eta.

use lookahead::InnerStatePolicy;

use crate::outer_system::OuterSystem;
use crate::polynomial::Polynomial;
use crate::{Direction, Eigenvalues, Error, Momentum, OuterCycle};

/// Where eta ends: as good as infinity.
const FAR: f64 = 1e300;

/// The largest eta below which every direction is stable, whatever the eta of `cycle` is. It is infinite where none is
/// too large, and 0 where a direction is unstable however small eta is, as it can be around momentum at a large learning
/// rate.
///
/// Where the inner optimizer forgets at a sync it is [`OuterCycle::limit`] over the largest `1 - c`, and no larger eta
/// is stable. Around a velocity that is maintained or interpolated a larger eta may be stable again; it is not looked
/// for. To ask about one eta, see [`OuterSystem::is_stable`].
///
/// DiLoCo's eta = 0.7 and mu = 0.9 around heavy-ball SGD with beta = 0.9, maintained or interpolated, diverges at each
/// k of 1 to 6 on some quadratics, in bands of lr a (a being the curvature) that begin at 0.003 to 0.011. From k = 7 on it is stable up to lr a = 1.5,
/// on a grid of 1001 values. Up to k = 6 more than half (`beta^k`) of a velocity outlives a cycle, and with the outer
/// buffer there are two memories of past ways, which drive the weights past the optimum ever farther. Reset, it is
/// stable up to lr a = 1 from k = 1 on; around plain SGD wherever c is above -0.93.
///
/// # Errors
/// [`Error::OutOfRange`] unless `0 < lr < 2 (1 + beta) / L`.
///
/// ```
/// use lookahead_theory::{Eigenvalues, Momentum, OuterCycle, largest_stable_rate};
/// let eigenvalues = Eigenvalues::new(vec![0.03, 0.1, 1.0])?;
/// let diloco = |k| OuterCycle::new(k, 0.7, 0.9);
/// let largest = |k, beta| largest_stable_rate(&eigenvalues, 1.0, Momentum::new(beta)?, &diloco(k)?);
/// assert!(largest(5, 0.9)? < 0.7 && largest(7, 0.9)? > 0.7 && largest(5, 0.0)? > 0.7);
/// # Ok::<(), lookahead_theory::Error>(())
/// ```
pub fn largest_stable_rate(
    eigenvalues: &Eigenvalues,
    lr: f64,
    momentum: Momentum,
    cycle: &OuterCycle,
) -> Result<f64, Error> {
    let lr = momentum.check_lr(lr, eigenvalues.largest())?;
    let each = eigenvalues.as_slice().iter().map(|&curvature| {
        let direction = Direction { curvature, noise_variance: 0.0 };
        largest_in(&OuterSystem::new_unchecked(direction, lr, momentum, cycle), cycle)
    });
    Ok(each.fold(f64::INFINITY, f64::min))
}

fn largest_in(system: &OuterSystem, cycle: &OuterCycle) -> f64 {
    if let Some(c) = system.forgetful() {
        return if c.one_minus > 0.0 { cycle.limit() / c.one_minus } else { 0.0 };
    }
    // "Interpolate" moves the velocity by min(eta, 1).
    let eta = Polynomial::line(0.0, 1.0);
    let (zero, one) = (Polynomial::line(0.0, 0.0), Polynomial::line(1.0, 0.0));
    let maintained = |from| first_crossing(system, cycle, [one, zero], from, FAR);
    let first = match cycle.inner_state {
        InnerStatePolicy::Interpolate => {
            first_crossing(system, cycle, [eta, one - eta], 0.0, 1.0).or_else(|| maintained(1.0))
        }
        // At eta = 0 the part of the velocity that a cycle leaves is an eigenvalue. Where it is above 1/mu, the product
        // of all 1 - z_i z_j is positive again.
        InnerStatePolicy::Maintain | InnerStatePolicy::Reset if grows(system) => Some(0.0),
        InnerStatePolicy::Maintain | InnerStatePolicy::Reset => maintained(0.0),
    };
    first.unwrap_or(f64::INFINITY)
}

/// Whether a cycle enlarges the velocity of weights that stand still.
fn grows(system: &OuterSystem) -> bool {
    system.inner_cycle().linear.map[1][1].abs() >= 1.0
}

/// The first eta between two at which an eigenvalue has size 1. The new velocity is `kept` of the one now and
/// `anchored` of the last one.
///
/// Of M on (x, u, b), `det(I - M)` is `det(I - H^k)` times eta, or eta^2 with "interpolate", H being an inner step: it
/// has no root above 0. What is left is an eigenvalue -1, a root of `det(I + M)`, and a pair z, 1/z, a root of the
/// product of all `1 - z_i z_j`.
fn first_crossing(
    system: &OuterSystem,
    cycle: &OuterCycle,
    [kept, anchored]: [Polynomial; 2],
    from: f64,
    to: f64,
) -> Option<f64> {
    let (inner, mu, [p, q]) = (system.inner_cycle().linear, cycle.momentum.get(), cycle.shares());
    let ([_, [m21, m22]], [[e11, e12], _]) = (inner.map, inner.deficit);
    let line = Polynomial::line;
    // M = [[1 - eta p e11, -eta p e12, -eta q], [ux, uu, 0], [e11, e12, mu]]
    let (xx, ux, uu) = (line(1.0, -p * e11), kept * m21, anchored + kept * m22);
    let without_b = xx * uu + line(0.0, p * e12) * ux;
    let trace = xx + uu + line(mu, 0.0);
    let minors = without_b + (xx + uu) * mu + line(0.0, q * e11);
    let det = without_b * mu + line(0.0, q) * (uu * e11 - ux * e12);
    // det(I + M), and prod (1 - z_i z_j) = 1 - minors + det trace - det^2
    let one = line(1.0, 0.0);
    let real = one + trace + minors + det;
    let pair = one - minors + det * (trace - det);
    // Interpolated, x and u both stand still at eta = 0, where the product then is 0.
    let pair = if kept.at(0.0) == 0.0 { pair.over_x() } else { pair };
    let first = real.first_root(from, to).into_iter().chain(pair.first_root(from, to));
    first.min_by(f64::total_cmp)
}
