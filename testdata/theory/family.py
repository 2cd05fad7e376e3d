"""Golden data of Lookahead's descendants, made without the Rust code: second moments of random numbers, in mpmath.

    python testdata/theory/family.py

It needs mpmath, and writes the .toml files that it names beside itself. README.md there describes them.

No matrix and no closed form of a cycle is used. A weight is a combination of independent random numbers: the start and
the noise of each step. Its coefficients go through the updates one scalar at a time; its variance is the sum of their
squares. A fixed point is the sum over the noise of all steps of the past, which ends where it is nothing but rounding.
"""

import itertools

from generate import INTERPOLATE, MAINTAIN, RESET, mp, mpf, write

NESTEROV, HEAVY_BALL = "nesterov", "heavy_ball"


# Fixed points of slower cycles are left out.
SLOWEST = 0.9995


# An outer step with momentum


def inner_steps(case, y, v, gradient_noise):
    """v <- beta v + a (y - c); y <- y - lr v, k times; the noise c of each step is `gradient_noise` of it."""
    lr, beta, a = mpf(case["lr"]), mpf(case["momentum"]), mpf(case["curvature"])
    for step in range(case["k"]):
        v = beta * v + a * (y - gradient_noise(step))
        y = y - lr * v
    return y, v


def cycle(case, x, v, b, gradient_noise=lambda step: 0):
    """k inner steps and an outer step."""
    eta, mu = mpf(case["eta"]), mpf(case["mu"])
    y, new_v = inner_steps(case, x, v, gradient_noise)
    delta = x - y
    b = mu * b + delta
    x = x - eta * (delta + mu * b if case["form"] == NESTEROV else b)
    share = {MAINTAIN: 1, INTERPOLATE: min(eta, mpf(1)), RESET: 0}[case["policy"]]
    v = share * new_v + ((1 - share) * v if case["policy"] == INTERPOLATE else 0)
    return x, v, b


def impulses(case):
    """(x, v, b) after a cycle from rest at 0 in which the noise of one step was 1, for each step."""
    zero = mpf(0)
    for hit in range(case["k"]):
        yield cycle(case, zero, zero, zero, lambda step: mpf(int(step == hit)))


def mean_and_variance(case, cycles):
    """Of x after so many cycles from a start of this mean and variance."""
    state = mpf(1), mpf(0), mpf(0)
    for _ in range(cycles):
        state = cycle(case, *state)
    mean, variance = case["start_mean"] * state[0], case["start_variance"] * state[0] ** 2
    for state in impulses(case):
        for _ in range(cycles):
            variance += case["noise_variance"] * state[0] ** 2
            state = cycle(case, *state)
    return mean, variance


def rest(case):
    """V[x] at the fixed point: what the noise of each step of the past has left in x now."""
    variance = mpf(0)
    for state in impulses(case):
        while max(map(abs, state)) > mpf(10) ** -25:
            variance += case["noise_variance"] * state[0] ** 2
            state = cycle(case, *state)
    return variance


def roots(case):
    """The eigenvalues of a cycle: the roots of the recursion that x follows from cycle to cycle.

    x, v and b start from three bases; the characteristic polynomial comes from the traces of powers (Newton).
    """
    v_counts = case["momentum"] != 0 and case["policy"] != RESET
    bases = [(1, 0, 0), (0, 1, 0), (0, 0, 1)] if v_counts else [(1, 0, 0), (0, 0, 1)]
    size, traces = len(bases), [mpf(0)] * (len(bases) + 1)
    for base in bases:
        state = tuple(map(mpf, base))
        for n in range(1, size + 1):
            state = cycle(case, *state)
            traces[n] += state[base.index(1)]
    coefficients = [mpf(1)]
    for n in range(1, size + 1):
        coefficients.append(-sum(coefficients[n - i] * traces[i] for i in range(1, n + 1)) / n)
    return mp.polyroots(coefficients, maxsteps=2000, extraprec=2000)


def outer_case(case):
    radius = max(map(abs, roots(case)))
    mean, variance = mean_and_variance(case, case["steps"] // case["k"])
    result = {**case, "mean": mean, "variance": variance, "radius": radius, "rate": 1 - mp.root(radius, case["k"])}
    # A sum over the past that ends within minutes.
    return result | ({"final_variance": rest(case)} if radius < SLOWEST else {})


def outer_cases():
    """Small and large curvatures, nearly the limit, and cycles that diverge."""
    problems = itertools.cycle([(1.0, 1.0), (0.01, 3.0), (2.5, 0.2)])
    for k, beta, form in itertools.product([1, 5, 20], [0.0, 0.9], [NESTEROV, HEAVY_BALL]):
        eta_and_mu = [(0.7, 0.9), (0.68, 0.37), (1.0, 0.5), (0.5, 0.0), (1.6, 0.2)]
        for (eta, mu), part in zip(eta_and_mu, [0.02, 0.1, 0.3, 0.6, 0.9]):
            for policy in [MAINTAIN, INTERPOLATE, RESET]:
                curvature, noise_variance = next(problems)
                yield {
                    "curvature": curvature, "noise_variance": noise_variance, "lr": part * (1 + beta) / curvature,
                    "momentum": beta, "k": k, "eta": eta, "mu": mu, "form": form, "policy": policy,
                    "steps": 3 * k, "start_mean": 1.5, "start_variance": 0.25,
                }
            next(problems)
    # Next to the border, and a learning rate that hardly moves the weights.
    for form, eta, lr in [(NESTEROV, 0.999 * 3.0 / 2.0, 1.0), (HEAVY_BALL, 0.999 * 3.0, 1.0), (NESTEROV, 0.7, 1e-9)]:
        for beta, k in [(0.0, 1), (0.9, 1), (0.9, 20)]:
            yield {
                "curvature": 1.0, "noise_variance": 1.0, "lr": lr, "momentum": beta, "k": k, "eta": eta, "mu": 0.5,
                "form": form, "policy": MAINTAIN, "steps": 3 * k, "start_mean": 1.5, "start_variance": 0.25,
            }


# Averages


def average_step(case, step, x, z, noise):
    """y = m x + (1 - m) z; z <- z - lr a (y - c); x <- (1 - w) x + w z, as the member of the family says."""
    m = mpf(case.get("mu_y", case.get("beta", 0.0)))
    y = m * x + (1 - m) * z
    z = z - mpf(case["lr"]) * mpf(case["curvature"]) * (y - noise)
    if case["kind"] == "gpa":
        w = 1 - mpf(case["mu_x"])
    elif case["kind"] == "exponential":
        w = mpf(1) if step == 1 else 1 - mpf(case["decay"])
    else:
        w = 1 / mpf(step)
    return (1 - w) * x + w * z, z


def average_run(case, first, steps, x, z, noise):
    """The steps from `first` on; the first one has this noise, the others none."""
    for step in range(first, steps + 1):
        x, z = average_step(case, step, x, z, noise if step == first else mpf(0))
    return x


def average_case(case):
    zero, one, steps = mpf(0), mpf(1), case["steps"]
    from_start = average_run(case, 1, steps, one, one, zero)
    impulses = [average_run(case, first, steps, zero, zero, one) for first in range(1, steps + 1)]
    variance = case["start_variance"] * from_start**2 + case["noise_variance"] * sum(i**2 for i in impulses)
    result = {**case, "mean": case["start_mean"] * from_start, "variance": variance}
    if case["kind"] not in ["gpa", "exponential"]:
        return result
    # The noise of a step long past the first, until nothing but rounding is left of it.
    x, z = average_step(case, 2, zero, zero, one)
    rest = zero
    while max(abs(x), abs(z)) > mpf(10) ** -25:
        rest += x**2
        x, z = average_step(case, 2, x, z, zero)
    return result | {"final_variance": case["noise_variance"] * rest}


def average_cases():
    members = [{"kind": "running"}, {"kind": "exponential", "decay": 0.0}, {"kind": "exponential", "decay": 0.95}]
    members += [{"kind": "schedule_free", "beta": beta} for beta in [0.0, 0.5, 0.9]]
    members += [{"kind": "gpa", "mu_x": x, "mu_y": y} for x, y in [(0.9967, 0.7), (0.5, 1.0), (0.8, 0.0), (0.0, 0.5)]]
    problems = itertools.cycle([(1.0, 1.0), (0.01, 3.0), (2.5, 0.2)])
    for member, steps in itertools.product(members, [1, 2, 30, 200]):
        for part in [0.01, 0.4, 1.9]:
            curvature, noise_variance = next(problems)
            one = {"curvature": curvature, "noise_variance": noise_variance, "lr": part / curvature}
            yield member | one | {"steps": steps, "start_mean": 1.5, "start_variance": 0.25}
        next(problems)


if __name__ == "__main__":
    steps, averages = map(outer_case, outer_cases()), map(average_case, average_cases())
    write("outer_steps.toml", "An outer step with momentum, in one direction.", steps, "family.py")
    write("averages.toml", "Averages of SGD's weights, in one direction.", averages, "family.py")
