"""Golden data of the paper's analyses, made without the Rust code: the recursions of the paper, in mpmath.

    python testdata/theory/generate.py

It needs mpmath, and numpy for the search of optima.toml, and writes the .toml files beside itself. README.md there
describes them. Nothing here uses a closed form of the paper: means, variances and covariances go step by step, fixed
points solve `V = c V + d` with c and d stepped, contractions are eigenvalues of what the steps of App. B.1 do to a
basis.
"""

import itertools
from pathlib import Path

import numpy as np
from mpmath import mp, mpf

mp.dps = 80
HERE = Path(__file__).resolve().parent
MAINTAIN, INTERPOLATE, RESET = "maintain", "interpolate", "reset"


# Spectra and noise (App. A.1)


def spectrum(kind, dim, kappa):
    """The eigenvalues, rising; each rounded to a double, because that is what every program starts from."""
    low, last = 1 / mpf(kappa), mpf(max(dim - 1, 1))
    values = []
    for i in range(dim):
        if kind == "chebyshev":
            value = (1 + low) / 2 - (1 - low) / 2 * mp.cos(mp.pi * i / last)
        elif kind == "log":
            value = mpf(kappa) ** (i / last - 1)
        elif kind == "uniform":
            value = low + (1 - low) * i / last
        else:
            value = 1 / mpf(dim - i)
        values.append(float(value))
    return values


def noise(kind, eigenvalues):
    """Variances of c, exact in the eigenvalues; `constant` is 0.7."""
    return {
        "inverse_curvature": [1 / mpf(a) for a in eigenvalues],
        "curvature": [mpf(a) for a in eigenvalues],
        "constant": [mpf(0.7) for _ in eigenvalues],
    }[kind]


# The noisy quadratic, step by step: mean and covariance of (phi, theta, v, v at the last sync)


def matrix_times(left, right):
    return [[sum(l * r for l, r in zip(row, column)) for column in zip(*right)] for row in left]


def congruent(m, s):
    return matrix_times(matrix_times(m, s), [list(column) for column in zip(*m)])


def inner_step(a, variance, lr, beta, state):
    """v <- beta v + a (theta - c); theta <- theta - lr v; c has this variance."""
    mean, s = state
    m = [[1, 0, 0, 0], [0, 1 - lr * a, -lr * beta, 0], [0, a, beta, 0], [0, 0, 0, 1]]
    kick = [0, lr * a, -a, 0]
    s = congruent(m, s)
    s = [[s[i][j] + kick[i] * kick[j] * variance for j in range(4)] for i in range(4)]
    return [sum(x * y for x, y in zip(row, mean)) for row in m], s


def sync(alpha, policy, state):
    """phi <- phi + alpha (theta - phi); theta <- phi; the velocity as the policy says."""
    mean, s = state
    velocity = {
        MAINTAIN: [0, 0, 1, 0],
        INTERPOLATE: [0, 0, alpha, 1 - alpha],
        RESET: [0, 0, 0, 0],
    }[policy]
    weights = [1 - alpha, alpha, 0, 0]
    m = [weights, weights, velocity, velocity]
    return [sum(x * y for x, y in zip(row, mean)) for row in m], congruent(m, s)


def run(a, variance, case, steps, start_mean, start=None):
    """The state after `steps`, from phi = theta = start_mean and covariance 0, or from the state `start`."""
    lr, beta, alpha = mpf(case["lr"]), mpf(case["momentum"]), mpf(case["alpha"])
    zero = [[mpf(0)] * 4 for _ in range(4)]
    state = start or ([mpf(start_mean), mpf(start_mean), mpf(0), mpf(0)], zero)
    for i in range(1, steps + 1):
        state = inner_step(a, variance, lr, beta, state)
        if i % case["k"] == 0:
            state = sync(alpha, case["policy"], state)
    return state


def plain_cycle(a, variance, case, start_variance):
    """V[phi] after one cycle of plain SGD: the same recursion in (V[theta], cov(phi, theta)), which is shorter."""
    lr, alpha = mpf(case["lr"]), mpf(case["alpha"])
    slow = fast = cov = mpf(start_variance)
    for _ in range(case["k"]):
        fast = (1 - lr * a) ** 2 * fast + (lr * a) ** 2 * variance
        cov = (1 - lr * a) * cov
    return (1 - alpha) ** 2 * slow + alpha**2 * fast + 2 * alpha * (1 - alpha) * cov


def fixed_variance(a, variance, case):
    """V[phi] that a cycle leaves as it is."""
    if case["momentum"] == 0:
        d = plain_cycle(a, variance, case, 0)
        return d / (1 - (plain_cycle(a, variance, case, 1) - d))
    # The covariance of (theta, v) after a sync: three numbers, an affine map, so three basis states and the origin.

    def cycle(s):
        tt, tv, vv = s
        full = [[tt, tt, tv, tv], [tt, tt, tv, tv], [tv, tv, vv, vv], [tv, tv, vv, vv]]
        _, s = run(a, variance, case, case["k"], 0, ([mpf(0)] * 4, full))
        return mp.matrix([s[0][0], s[0][2], s[2][2]])

    d = cycle([mpf(0)] * 3)
    system = mp.eye(3)
    for j in range(3):
        column = cycle([mpf(int(i == j)) for i in range(3)]) - d
        for i in range(3):
            system[i, j] -= column[i]
    return mp.lu_solve(system, d)[0]


def loss(eigenvalues, variances, moments):
    """Eq. 5."""
    return sum(mpf(a) * (m**2 + v + s) for a, s, (m, v) in zip(eigenvalues, variances, moments)) / 2


def losses(case):
    eigenvalues = spectrum(case["spectrum"], case["dim"], case["condition_number"])
    variances = noise(case["noise"], eigenvalues)
    alone = {**case, "k": 1, "alpha": 1.0, "policy": MAINTAIN}
    result = {}
    for name, setting in [("sgd", alone), ("lookahead", case)]:
        moments, rest = [], []
        for a, variance in zip(eigenvalues, variances):
            mean, s = run(mpf(a), variance, setting, case["steps"], case["initial_mean"])
            moments.append((mean[0], s[0][0]))
            rest.append((mpf(0), fixed_variance(mpf(a), variance, setting)))
        result[name] = loss(eigenvalues, variances, moments)
        result[name + "_final"] = loss(eigenvalues, variances, rest)
    return {**case, **result}


# Convergence rates (App. B.1)


def radius(m):
    """The spectral radius of a matrix of two rows."""
    half, det = (m[0][0] + m[1][1]) / 2, m[0][0] * m[1][1] - m[0][1] * m[1][0]
    root = mp.sqrt(half**2 - det)
    return max(abs(half + root), abs(half - root))


def cycle_matrix(a, lr, beta, k, alpha, policy):
    """What a cycle does to (theta, d), d being the last step taken.

    A step is theta_(i+1) = (1 + beta - lr a) theta_i - beta theta_(i-1).
    """
    columns = []
    for theta, d in [(mpf(1), mpf(0)), (mpf(0), mpf(1))]:
        before, now = theta - d, theta
        for _ in range(k):
            before, now = now, (1 + beta - lr * a) * now - beta * before
        velocity = {MAINTAIN: now - before, INTERPOLATE: d + alpha * (now - before - d), RESET: mpf(0)}[policy]
        columns.append((alpha * now + (1 - alpha) * theta, velocity))
    return [[columns[0][0], columns[1][0]], [columns[0][1], columns[1][1]]]


def rate(eigenvalues, lr, momentum, k, alpha, policy):
    """1 - contraction per inner step, in the slowest direction."""
    values = [mpf(lr), mpf(momentum), k, mpf(alpha), policy]
    return min(1 - mp.root(radius(cycle_matrix(mpf(a), *values)), k) for a in eigenvalues)


def rates(case):
    eigenvalues = spectrum(case["spectrum"], case["dim"], case["condition_number"])
    momentum = rate(eigenvalues, case["lr"], case["momentum"], 1, 1, MAINTAIN)
    lookahead = rate(eigenvalues, case["lr"], case["momentum"], case["k"], case["alpha"], case["policy"])
    return {**case, "momentum_rate": momentum, "lookahead_rate": lookahead}


def double_rates(eigenvalues, lrs, beta, k, alpha, policy):
    """`rate` for many learning rates at once, in doubles: good enough to find where the best one is."""
    x = lrs[:, None] * np.array(eigenvalues)[None, :]
    one, zero = np.ones_like(x), np.zeros_like(x)
    step = np.stack([np.stack([one - x, beta * one], -1), np.stack([-x, beta * one], -1)], -2)
    power = np.linalg.matrix_power(step, k)
    keep = {MAINTAIN: (1.0, 0.0), INTERPOLATE: (alpha, 1 - alpha), RESET: (0.0, 0.0)}[policy]
    a, b = 1 - alpha + alpha * power[..., 0, 0], alpha * power[..., 0, 1]
    c, d = keep[0] * power[..., 1, 0], keep[1] + keep[0] * power[..., 1, 1]
    root = np.sqrt(((a - d) / 2) ** 2 + b * c + 0j)
    radii = np.maximum(abs((a + d) / 2 + root), abs((a + d) / 2 - root))
    return 1 - radii.max(axis=1) ** (1 / k)


def optimum(eigenvalues, beta, k, alpha, policy):
    """The best rate: 30000 points on a log grid, the 40 best peaks zoomed into, the winner computed again in mpmath."""
    search = lambda lrs: double_rates(eigenvalues, lrs, beta, k, alpha, policy)
    limit = 2 * (1 + beta) / max(eigenvalues)
    grid = np.geomspace(limit * 1e-8, limit * (1 - 1e-9), 30000)
    found = search(grid)
    padded = np.concatenate([[-np.inf], found, [-np.inf]])
    peaks = np.flatnonzero((found >= padded[:-2]) & (found >= padded[2:]))
    best = []
    for i in sorted(peaks, key=lambda i: -found[i])[:40]:
        low, high = grid[max(i - 1, 0)], grid[min(i + 1, len(grid) - 1)]
        for _ in range(18):
            points = np.linspace(low, high, 33)
            j = int(search(points).argmax())
            low, high = points[max(j - 1, 0)], points[min(j + 1, 32)]
        best.append((search(np.array([points[j]]))[0], points[j]))
    return max(rate(eigenvalues, lr, beta, k, alpha, policy) for _, lr in sorted(best)[-5:])


def optima(case):
    eigenvalues = spectrum(case["spectrum"], case["dim"], case["condition_number"])
    beta = case["momentum"]
    return {
        **case,
        "momentum_rate": optimum(eigenvalues, beta, 1, 1.0, MAINTAIN),
        "lookahead_rate": optimum(eigenvalues, beta, case["k"], case["alpha"], case["policy"]),
    }


# Prop. 1


def best_alpha(case):
    """The argmin of the loss on the segment, from its values at alpha = 0, 1/2 and 1: a parabola's vertex."""

    def loss_at(alpha):
        points = zip(case["curvature"], case["optimum"], case["start"], case["end"])
        return sum(mpf(a) * (mpf(s) + alpha * (mpf(e) - mpf(s)) - mpf(c)) ** 2 for a, c, s, e in points) / 2

    at_0, at_half, at_1 = loss_at(mpf(0)), loss_at(mpf(1) / 2), loss_at(mpf(1))
    return {**case, "alpha": (3 * at_0 - 4 * at_half + at_1) / (4 * (at_0 - 2 * at_half + at_1))}


# The cases

NEARLY_TWO = [2 * (1 - 1e-6), 2 * (1 - 1e-12)]
LR_TIMES_CURVATURE = [1e-12, 1e-8, 0.001, 0.1, 0.5, 1.0, 1.3, 1.9, *NEARLY_TWO]
NEARLY_ONE = 1 - 1e-12
K_AND_ALPHA = [(1, 0.5), (5, 0.5), (5, 1e-12), (5, NEARLY_ONE), (6, NEARLY_ONE), (5, 1.0), (20, 0.2)]
K_AND_ALPHA += [(1000, 0.8), (1000, 1e-12)]


def spectrum_cases():
    both = [(kind, kappa) for kind in ["chebyshev", "log", "uniform"] for kappa in [3.0, 1e8]]
    for kind, kappa in [*both, ("harmonic", 9.0)]:
        values = spectrum(kind, 9, kappa)
        yield {"spectrum": kind, "dim": 9, "condition_number": kappa, "eigenvalues": values}


def fixed_point_cases():
    for curvature, variance in [(1.0, 1.0), (1e-8, 1e8), (3.0, 0.2)]:
        for x in LR_TIMES_CURVATURE:
            for k, alpha in K_AND_ALPHA:
                case = {"curvature": curvature, "noise_variance": variance, "lr": x / curvature, "k": k, "alpha": alpha}
                a, v, full = mpf(curvature), mpf(variance), {**case, "momentum": 0}
                sgd = fixed_variance(a, v, {**full, "k": 1, "alpha": 1.0})
                yield {**case, "sgd": sgd, "lookahead": fixed_variance(a, v, full)}


def problem(spectrum_kind, dim, kappa, noise_kind="inverse_curvature"):
    return {"spectrum": spectrum_kind, "dim": dim, "condition_number": kappa, "noise": noise_kind}


def inner(lr, k, alpha, momentum=0.0, policy=MAINTAIN):
    return {"lr": lr, "k": k, "alpha": alpha, "momentum": momentum, "policy": policy}


def loss_cases():
    chebyshev, log = problem("chebyshev", 5, 1000.0), problem("log", 4, 1e8, "curvature")
    yield chebyshev | inner(0.5, 5, 0.5) | {"steps": 1000, "initial_mean": 1.0}
    yield chebyshev | inner(0.5, 1000, 0.5) | {"steps": 1000, "initial_mean": -2.0}
    yield chebyshev | inner(NEARLY_TWO[0], 5, 0.5) | {"steps": 500, "initial_mean": 1.0}
    yield chebyshev | inner(NEARLY_TWO[1], 5, 1 - 1e-12) | {"steps": 100, "initial_mean": 1.0}
    yield log | inner(1e-9, 20, 1e-12) | {"steps": 200, "initial_mean": 3.0}
    yield log | inner(1.9, 10, 0.8) | {"steps": 300, "initial_mean": 1.0}
    yield problem("uniform", 4, 50.0, "constant") | inner(0.3, 5, 1.0) | {"steps": 50, "initial_mean": 1.0}
    yield problem("harmonic", 6, 6.0) | inner(0.9, 1, 0.3) | {"steps": 40, "initial_mean": 0.0}
    for policy in [MAINTAIN, INTERPOLATE, RESET]:
        yield chebyshev | inner(0.05, 5, 0.5, 0.9, policy) | {"steps": 500, "initial_mean": 1.0}
        yield log | inner(0.01, 20, 0.2, 0.99, policy) | {"steps": 200, "initial_mean": 1.0}
        yield log | inner(1e-6, 5, 1e-12, 0.5, policy) | {"steps": 50, "initial_mean": 1.0}
        yield chebyshev | inner(0.2, 7, 1 - 1e-12, 0.8, policy) | {"steps": 70, "initial_mean": 1.0}
    yield chebyshev | inner(3.6, 5, 1.0, 0.9) | {"steps": 100, "initial_mean": 1.0}
    yield chebyshev | inner(0.01, 100, 0.5, 0.999) | {"steps": 200, "initial_mean": 1.0}


def rate_cases():
    spectra = itertools.cycle([("log", 5, 1e8), ("chebyshev", 7, 1000.0), ("uniform", 1, 1.0)])
    k_and_alpha = [(1, 0.5), (5, 0.5), (20, 1e-12), (20, 0.5), (7, NEARLY_ONE), (100, 1.0)]
    for policy in [MAINTAIN, INTERPOLATE, RESET]:
        for momentum in [0.0, 0.5, 0.9, 0.99, 0.9999]:
            for part in [1e-10, 1e-6, 1e-3, 0.02, 0.3, 0.6, 1 - 1e-6]:
                for (k, alpha), (kind, dim, kappa) in zip(k_and_alpha, spectra):
                    case = {"spectrum": kind, "dim": dim, "condition_number": kappa}
                    yield case | inner(part * 2 * (1 + momentum), k, alpha, momentum, policy)
                next(spectra)
        yield {"spectrum": "log", "dim": 3, "condition_number": 1e8} | inner(1.7, 1000, 0.8, 0.999, policy)
        yield {"spectrum": "log", "dim": 3, "condition_number": 1e8} | inner(1e-5, 1000, 1e-12, 0.99, policy)


def optimum_cases():
    for kind, dim, kappa in [("log", 6, 10.0), ("log", 6, 1000.0), ("chebyshev", 9, 1e6), ("uniform", 2, 30.0)]:
        for momentum, k, alpha in [(0.0, 5, 0.5), (0.9, 20, 0.5), (0.99, 20, 0.5), (0.99, 5, 0.8)]:
            case = {"spectrum": kind, "dim": dim, "condition_number": kappa, "momentum": momentum}
            yield case | {"k": k, "alpha": alpha, "policy": MAINTAIN}
    for policy in [INTERPOLATE, RESET]:
        case = {"spectrum": "log", "dim": 6, "condition_number": 100.0, "momentum": 0.9, "k": 20, "alpha": 0.5}
        yield case | {"policy": policy}


def alpha_cases():
    yield {"curvature": [1.0], "optimum": [0.0], "start": [2.0], "end": [0.5]}
    yield {"curvature": [1.0, 9.0, 0.1], "optimum": [0.3, -0.2, 5.0], "start": [1.0, 1.0, 1.0], "end": [0.5, -0.4, 1.2]}
    yield {"curvature": [1e8, 1.0], "optimum": [0.0, 1.0], "start": [1e-4, -3.0], "end": [-1e-4, 0.25]}


# Writing


def text(value):
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, int):
        return str(value)
    if isinstance(value, list):
        return "[" + ", ".join(text(element) for element in value) + "]"
    return repr(float(value))


def write(name, what, cases, script="generate.py"):
    lines = [f"# {what} Generated; do not edit. Format: README.md beside this file."]
    lines += [f"# Made by `python testdata/theory/{script}`, with {mp.dps} digits, rounded to doubles at the end."]
    for case in cases:
        lines += ["", "[[case]]"] + [f"{key} = {text(value)}" for key, value in case.items()]
    (HERE / name).write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    write("spectra.toml", "Eigenvalues.", spectrum_cases())
    write("fixed_points.toml", "Fixed points of the variance (Prop. 2).", fixed_point_cases())
    write("losses.toml", "Expected losses (Eq. 5).", map(losses, loss_cases()))
    write("rates.toml", "Convergence rates at given learning rates (App. B.1).", map(rates, rate_cases()))
    write("optima.toml", "Convergence rates at the best learning rates (Fig. 4).", map(optima, optimum_cases()))
    write("alphas.toml", "Optimal step sizes of the slow weights (Prop. 1).", map(best_alpha, alpha_cases()))
