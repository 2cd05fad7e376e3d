"""Student's t distribution, the power of a paired t-test, and Holm's correction, by SciPy.

    python testdata/statistics/statistics.py

It needs SciPy and writes statistics.toml beside itself. A power is 1 - P(-c < T' < c) of the noncentral t distribution with
noncentrality effect * sqrt(n), by integration over the chi distribution: SciPy's own gives NaN at some of these points (and
agrees at the others, which is checked). SciPy has no Holm correction: it is written out here.
"""

from math import isnan, sqrt
from pathlib import Path

import scipy
from scipy.integrate import quad
from scipy.stats import chi, nct, norm, t, ttest_rel

DEGREES = [1, 2, 3, 4, 5, 9, 19, 30, 99, 999]
STATISTICS = [0.0, 0.01, 0.5, 1.0, 2.0, 2.5, 4.0, 8.0, 20.0, 100.0]
LEVELS = [0.5, 0.2, 0.1, 0.05, 0.025, 0.0125, 0.01, 0.001, 1e-6]
EFFECTS = [0.1, 0.3, 0.5, 1.0, 2.0, 4.0]
TREATED = [0.912, 0.931, 0.945, 0.928, 0.951]
CONTROL = [0.905, 0.933, 0.921, 0.917, 0.936]
FAMILIES = [[0.03, 0.01], [0.04, 0.03, 0.02], [0.01, 0.02, 0.03, 0.04], [0.012, 0.12, 0.93, 0.15], [0.2], [0.001, 0.001, 0.6]]


def power(n, effect, level):
    nu = n - 1
    critical, shift = t.isf(level / 2, nu), effect * sqrt(n)
    reach = critical / sqrt(nu)

    def density(u):
        return chi.pdf(u, nu) * (norm.sf(reach * u - shift) + norm.cdf(-reach * u - shift))

    middle, width = chi.mean(nu), 12 * chi.std(nu)
    ends = max(0.0, middle - width), middle + width
    breaks = [point for point in (middle, shift / reach) if ends[0] < point < ends[1]]
    value = quad(density, *ends, points=breaks, limit=500, epsabs=1e-14, epsrel=1e-13)[0]
    by_scipy = nct.sf(critical, nu, shift) + nct.cdf(-critical, nu, shift)
    assert isnan(by_scipy) or abs(value - by_scipy) < 1e-8, (n, effect, level, value, by_scipy)
    return value


def seeds(effect, level):
    """The fewest of 3 to 1000; 0 if none suffices. The power grows with the number."""
    low, high = 2, 1001
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if power(middle, effect, level) >= 0.8 else (middle, high)
    return high % 1001


def holm(values):
    order = sorted(range(len(values)), key=lambda index: values[index])
    adjusted, largest = [0.0] * len(values), 0.0
    for rank, index in enumerate(order):
        largest = max(largest, min(1.0, (len(values) - rank) * values[index]))
        adjusted[index] = largest
    return adjusted


def floats(values):
    return "[" + ", ".join(f"{value:.17e}" for value in values) + "]"


lines = [f"# Made by statistics.py, which describes it, with SciPy {scipy.__version__}.", f"statistics = {floats(STATISTICS)}"]
lines += [f"levels = {floats(LEVELS)}"]
for degrees in DEGREES:
    lines += ["", "[[student]]", f"degrees_of_freedom = {degrees}"]
    lines += [f"outside = {floats(2 * t.sf(statistic, degrees) for statistic in STATISTICS)}"]
    lines += [f"critical = {floats(t.isf(level / 2, degrees) for level in LEVELS)}"]
for n in [2, 3, 5, 10, 30, 200]:
    for level in [0.05, 0.0125]:
        lines += ["", "[[power]]", f"n = {n}", f"level = {level}", f"effects = {floats(EFFECTS)}"]
        lines += [f"power = {floats(power(n, effect, level) for effect in EFFECTS)}"]
for effect in [0.05, 0.09, 0.2, 0.5, 0.8, 1.3, 3.0, 50.0]:
    for level in [0.05, 0.0125]:
        lines += ["", "[[seeds]]", f"effect = {effect}", f"level = {level}", f"seeds = {seeds(effect, level)}"]
paired = ttest_rel(TREATED, CONTROL)
lines += ["", "[paired]", f"treated = {floats(TREATED)}", f"control = {floats(CONTROL)}", f"p = {paired.pvalue:.17e}"]
for level in [0.05, 0.0125]:
    low, high = paired.confidence_interval(1 - level)
    lines += ["", "[[paired.interval]]", f"level = {level}", f"ends = {floats([low, high])}"]
for family in FAMILIES:
    lines += ["", "[[holm]]", f"p = {floats(family)}", f"adjusted = {floats(holm(family))}"]
Path(__file__).with_suffix(".toml").write_text("\n".join(lines) + "\n")
