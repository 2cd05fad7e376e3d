"""The ten curves of Fig. 3 in numpy, for comparison with `cargo bench -p lookahead-theory`.

    python crates/lookahead-theory/benches/numpy_reference.py

SGD and Lookahead (k = 5, alpha = 0.1 to 0.9) on the noisy quadratic with 1000 Chebyshev eigenvalues, 1000 learning
rates in (0, 1), T = 1000. Twice: unrolling the recursions over T steps, as the paper did, and with the closed forms.
"""

import time

import numpy as np

DIM, RATES, STEPS, K, KAPPA = 1000, 1000, 1000, 5, 1000.0
ALPHAS = [i / 10 for i in range(1, 11)]  # alpha = 1 is SGD

a = (1 + 1 / KAPPA) / 2 - (1 - 1 / KAPPA) / 2 * np.cos(np.pi * np.arange(DIM) / (DIM - 1))
x = np.arange(1, RATES + 1)[:, None] / (RATES + 1) * a[None, :]  # lr a, a row for each learning rate
noise = 1 / a


def final_variance(alpha):
    q = (1 - x) ** K
    sgd = x**2 * noise / (1 - (1 - x) ** 2)
    numerator = alpha**2 * (1 - q**2)
    return numerator / (numerator + 2 * alpha * (1 - alpha) * (1 - q)) * sgd


def unrolled(alpha):
    mean, variance, r = np.ones_like(x), np.zeros_like(x), 1 - alpha + alpha * (1 - x) ** K
    added = alpha**2 * sum((1 - x) ** (2 * i) for i in range(K)) * x**2 * noise
    for _ in range(STEPS // K):
        mean *= r
        variance = r**2 * variance + added
    return ((mean**2 + variance - final_variance(alpha)) * a).sum(axis=1) / 2


def closed(alpha):
    r = 1 - alpha + alpha * (1 - x) ** K
    return (r ** (2 * (STEPS // K)) * (1 - final_variance(alpha)) * a).sum(axis=1) / 2


if __name__ == "__main__":
    results = {}
    for compute in [closed, unrolled]:
        times = []
        for _ in range(3):
            start = time.perf_counter()
            results[compute.__name__] = np.array([compute(alpha) for alpha in ALPHAS])
            times.append(time.perf_counter() - start)
        print(f"{compute.__name__}: {min(times):.2f} s (best of 3), excess of SGD at the largest rate "
              f"{results[compute.__name__][-1, -1]:.12e}")
    worst = np.max(abs(results["closed"] - results["unrolled"]))
    print(f"the two differ by at most {worst:.1e}; numpy {np.__version__}")
