"""Makes the trajectories of `trajectories/`: Lookahead and its descendants in plain Python, in double precision.

    python conformance/generate.py [FOLDER]

Nothing is imported but Python's own library, and no code of the kit or of the crates. README.md has the equations.
Only +, -, *, / and sqrt of short decimals are used, so that every machine writes the same bytes.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

Vector = list[float]
Weights = dict[str, Vector]
Case = dict[str, Any]

# The problem: a diagonal quadratic with a perturbation that depends on the step. `c` joins late, where a case says so.
TENSORS: list[dict[str, Any]] = [
    {
        "name": "a",
        "shape": [2, 3],
        "initial": [0.8, -0.6, 0.4, -0.2, 1.0, -1.2],
        "target": [0.3, 0.1, -0.7, 0.9, -0.4, 0.2],
        "curvature": [0.5, 1.0, 1.5, 2.0, 0.25, 0.75],
    },
    {
        "name": "b",
        "shape": [4],
        "initial": [0.05, -0.3, 0.7, -0.9],
        "target": [-0.5, 0.6, 0.25, -0.1],
        "curvature": [1.25, 0.3, 2.5, 0.6],
    },
    {"name": "c", "shape": [2], "initial": [0.9, -0.7], "target": [-0.2, 0.4], "curvature": [0.9, 1.4]},
]

SGD = {"kind": "sgd", "lr": 0.1, "momentum": 0.0, "dampening": 0.0, "nesterov": False, "weight_decay": 0.0}
HEAVY_BALL = {**SGD, "lr": 0.05, "momentum": 0.9}
ADAM = {"kind": "adam", "lr": 0.05, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "weight_decay": 0.0}
ADAM_W = {**ADAM, "kind": "adamw", "weight_decay": 0.05}
RULES = {"sgd": SGD, "heavy ball": HEAVY_BALL, "adam": ADAM, "adamw": ADAM_W}
# Schedule-Free brings its own momentum.
ADAM_W_WITHOUT_MOMENTUM = {**ADAM, "kind": "adamw", "beta1": 0.0}


def perturbation(i: int, t: int) -> float:
    """Of element i, counted from 0 through all tensors, in step t, counted from 1: in [-0.5, 0.5)."""
    return ((i * 7919 + t * 104729) % 1000) / 1000 - 0.5


def gradient(name: str, weights: Vector, t: int) -> Vector:
    """curvature * (theta - target) + perturbation."""
    first = 0
    for tensor in TENSORS:
        if tensor["name"] == name:
            return [
                tensor["curvature"][i] * (w - tensor["target"][i]) + perturbation(first + i, t)
                for i, w in enumerate(weights)
            ]
        first += len(tensor["initial"])
    raise KeyError(name)


class Sgd:
    """PyTorch's: buf = g in the first step, mu buf + (1 - dampening) g later."""

    def __init__(self, rule: dict[str, Any], weights: Vector) -> None:
        self.rule, self.buffer, self.fresh = rule, [0.0] * len(weights), True

    def direction(self, weights: Vector, g: Vector) -> Vector:
        """What is subtracted, times the learning rate."""
        r = self.rule
        g = [g + r["weight_decay"] * w for g, w in zip(g, weights, strict=True)]
        if r["momentum"] == 0.0:
            return g
        new = 1.0 if self.fresh else 1.0 - r["dampening"]
        self.buffer, self.fresh = [r["momentum"] * b + new * g for b, g in zip(self.buffer, g, strict=True)], False
        if not r["nesterov"]:
            return self.buffer
        return [g + r["momentum"] * b for g, b in zip(g, self.buffer, strict=True)]

    def step(self, weights: Vector, g: Vector, lr: float) -> Vector:
        return [w - lr * d for w, d in zip(weights, self.direction(weights, g), strict=True)]

    def pull_back(self, anchor: Sgd, alpha: float, moments_alone: bool) -> None:
        self.buffer = interpolated(anchor.buffer, self.buffer, alpha)

    def copy(self) -> Sgd:
        copy = Sgd(self.rule, self.buffer)
        copy.buffer, copy.fresh = list(self.buffer), self.fresh
        return copy


class Adam:
    """Adam and AdamW. Each moment is divided by its weight w = beta w + (1 - beta): 1 - beta^t, unless pulled back."""

    def __init__(self, rule: dict[str, Any], weights: Vector) -> None:
        self.rule = rule
        self.m, self.v = [0.0] * len(weights), [0.0] * len(weights)
        self.w1, self.w2 = 0.0, 0.0

    def direction(self, weights: Vector, g: Vector) -> Vector:
        r = self.rule
        if r["kind"] == "adam":
            g = [g + r["weight_decay"] * w for g, w in zip(g, weights, strict=True)]
        b1, b2 = r["beta1"], r["beta2"]
        self.m = [b1 * m + (1 - b1) * g for m, g in zip(self.m, g, strict=True)]
        self.v = [b2 * v + (1 - b2) * g * g for v, g in zip(self.v, g, strict=True)]
        self.w1, self.w2 = b1 * self.w1 + (1 - b1), b2 * self.w2 + (1 - b2)
        return [m / self.w1 / (math.sqrt(v / self.w2) + r["epsilon"]) for m, v in zip(self.m, self.v, strict=True)]

    def step(self, weights: Vector, g: Vector, lr: float) -> Vector:
        direction = self.direction(weights, g)
        shrink = 1 - lr * self.rule["weight_decay"] if self.rule["kind"] == "adamw" else 1.0
        return [shrink * w - lr * d for w, d in zip(weights, direction, strict=True)]

    def pull_back(self, anchor: Adam, alpha: float, moments_alone: bool) -> None:
        self.m, self.v = interpolated(anchor.m, self.m, alpha), interpolated(anchor.v, self.v, alpha)
        if not moments_alone:
            [self.w1] = interpolated([anchor.w1], [self.w1], alpha)
            [self.w2] = interpolated([anchor.w2], [self.w2], alpha)

    def copy(self) -> Adam:
        copy = Adam(self.rule, self.m)
        copy.m, copy.v, copy.w1, copy.w2 = list(self.m), list(self.v), self.w1, self.w2
        return copy


def rule_for(rule: dict[str, Any], weights: Vector) -> Any:
    return Sgd(rule, weights) if rule["kind"] == "sgd" else Adam(rule, weights)


def interpolated(anchor: Vector, x: Vector, alpha: float) -> Vector:
    """anchor - alpha (anchor - x), and x itself at alpha = 1."""
    return list(x) if alpha == 1.0 else [a - alpha * (a - b) for a, b in zip(anchor, x, strict=True)]


class Lookahead:
    """Algorithm 1 for one tensor: slow phi, fast theta."""

    def __init__(self, case: Case, theta: Vector) -> None:
        self.case, self.theta, self.phi = case, list(theta), list(theta)
        self.inner = rule_for(case["rule"], theta)
        self.anchor = self.inner.copy()
        self.momentum = [0.0] * len(theta)

    def step(self, g: Vector, lr: float) -> None:
        self.theta = self.inner.step(self.theta, g, lr)

    def sync(self, lr: float, outer: int) -> None:
        """`outer` counts the syncs before this one."""
        self.phi = self.outer_step(lr, outer) if "outer" in self.case else self.pulled_back()
        self.theta = list(self.phi)
        if self.case.get("policy") == "reset":
            self.inner = rule_for(self.case["rule"], self.theta)
        elif self.case.get("policy") == "interpolate":
            self.inner.pull_back(self.anchor, self.case["alpha"], self.case.get("convention") == "moments alone")
            self.anchor = self.inner.copy()

    def pulled_back(self) -> Vector:
        """Eq. 1: phi + alpha (theta - phi)."""
        return interpolated(self.phi, self.theta, self.case["alpha"])

    def outer_step(self, lr: float, outer: int) -> Vector:
        """b = mu b + d and phi - eta (mu b + d), or phi - eta b, with d = phi - theta in the buffer's unit."""
        o = self.case["outer"]
        eta, mu = o["rates"][min(outer, len(o["rates"]) - 1)], o["momentum"]
        unit = {"delta": 1.0, "outer_step": eta, "delta_over_learning_rate": 1.0 / lr}[o["buffer_unit"]]
        d = [unit * (phi - theta) for phi, theta in zip(self.phi, self.theta, strict=True)]
        self.momentum = [mu * b + d for b, d in zip(self.momentum, d, strict=True)]
        way = self.momentum
        if o["form"] == "nesterov":
            way = [mu * b + d for b, d in zip(self.momentum, d, strict=True)]
        return [phi - eta / unit * w for phi, w in zip(self.phi, way, strict=True)]


class ScheduleFree:
    """y = (1 - beta) z + beta x for one tensor; the rule moves z, with gradients at y; x is the average of z."""

    def __init__(self, case: Case, y: Vector) -> None:
        self.case, self.settings = case, case["schedule_free"]
        self.theta, self.phi, self.z = list(y), list(y), list(y)  # y, x and z
        self.inner = rule_for(case["rule"], y)
        self.steps, self.largest, self.sum = 0, 0.0, 0.0

    def step(self, g: Vector, lr: float) -> None:
        s = self.settings
        direction = self.inner.direction(self.theta, g)
        if self.case.get("convention") == "the paper's bias correction":
            lr *= math.sqrt(self.inner.w2)  # takes the place of the one inside the root
            direction = [
                g / (math.sqrt(v) + self.case["rule"]["epsilon"]) for g, v in zip(g, self.inner.v, strict=True)
            ]
        self.steps += 1
        self.largest = max(self.largest, lr)
        weight = self.largest * self.largest
        self.sum += weight
        c = weight / self.sum
        self.z = [z - lr * (d + s["weight_decay"] * y) for z, d, y in zip(self.z, direction, self.theta, strict=True)]
        self.phi = [(1 - c) * x + c * z for x, z in zip(self.phi, self.z, strict=True)]
        self.theta = [(1 - s["beta"]) * z + s["beta"] * x for x, z in zip(self.phi, self.z, strict=True)]


Gradient = Callable[[str, Vector, int], Vector]


def run(case: Case, initial: Weights, gradient: Gradient, steps: int) -> tuple[list[Weights], list[Weights]]:
    """Fast and slow weights after each step, counted from 1."""
    method = ScheduleFree if "schedule_free" in case else Lookahead
    tensors: dict[str, Any] = {}
    born: dict[str, int] = {}
    fast, slow = [], []
    k: int = case.get("sync_period", 0)
    outer = 0
    first: int = case.get("first_sync", k)
    for t in range(1, steps + 1):
        for name, values in initial.items():
            if name not in tensors and t >= case.get("joins", {}).get(name, 1):
                tensors[name], born[name] = method(case, values), t
        lr = case["rule"]["lr"] * case.get("lr_factors", [1.0] * steps)[t - 1]
        for name, tensor in tensors.items():
            if t not in case.get("without_gradient", {}).get(name, []):
                tensor.step(gradient(name, tensor.theta, t), lr)
        own_clock = case.get("convention") == "a clock of its own"
        ticks = {name: t - born[name] + 1 if own_clock else t for name in tensors}
        syncs = [name for name, tick in ticks.items() if k and tick >= first and (tick - first) % k == 0]
        for name in syncs:
            tensors[name].sync(lr, outer)
        outer += bool(syncs)
        fast.append({name: list(tensor.theta) for name, tensor in tensors.items()})
        slow.append({name: list(tensor.phi) for name, tensor in tensors.items()})
    return fast, slow


def lookahead(name: str, rule: str, k: int, alpha: float, **more: Any) -> Case:
    return {"name": name, "rule": RULES[rule], "sync_period": k, "alpha": alpha, "policy": "maintain", **more}


def outer_case(name: str, rule: str, k: int, rates: Vector, momentum: float, form: str, unit: str, **more: Any) -> Case:
    outer = {"form": form, "rates": rates, "momentum": momentum, "buffer_unit": unit}
    return {"name": name, "rule": RULES[rule], "sync_period": k, "outer": outer, **more}


def schedule_free(name: str, rule: dict[str, Any], weight_decay: float, **more: Any) -> Case:
    return {"name": name, "rule": rule, "schedule_free": {"beta": 0.9, "weight_decay": weight_decay}, **more}


FACTORS = [1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 1.5, 1.25, 1.0, 0.75, 0.5, 0.25, 0.2, 0.15, 0.1, 0.05, 0.5, 1.0]
PERIODS = [(5, 0.5), (3, 0.8), (1, 0.4), (4, 1.0)]
ALL_STEPS = list(range(1, 19))

FILES: dict[str, list[Case]] = {
    # Algorithm 1, with a partial cycle at the end
    "lookahead": [lookahead(f"{rule}, k={k}, alpha={a}", rule, k, a) for rule in RULES for k, a in PERIODS],
    "inner_state": [
        *(lookahead(f"reset, {rule}", rule, 4, 0.5, policy="reset") for rule in RULES if rule != "sgd"),
        *(lookahead(f"interpolate, {rule}", rule, 4, 0.6, policy="interpolate") for rule in RULES if rule != "sgd"),
        *(
            lookahead(
                f"interpolate the moments alone, {rule}",
                rule,
                4,
                0.6,
                policy="interpolate",
                convention="moments alone",
                alternative_to=f"interpolate, {rule}",
            )
            for rule in ("adam", "adamw")
        ),
    ],
    "parameters": [
        *(lookahead(f"joins at a sync, {rule}", rule, 4, 0.5, joins={"c": 9}) for rule in ("sgd", "adam")),
        lookahead("joins within a cycle, sgd", "sgd", 4, 0.5, joins={"c": 7}),
        lookahead(
            "joins within a cycle with a clock of its own, sgd",
            "sgd",
            4,
            0.5,
            joins={"c": 7},
            convention="a clock of its own",
            alternative_to="joins within a cycle, sgd",
        ),
        *(lookahead(f"frozen, {rule}", rule, 3, 0.8, without_gradient={"b": ALL_STEPS}) for rule in RULES),
        *(
            lookahead(f"frozen after a sync, {rule}", rule, 4, 0.3, without_gradient={"b": ALL_STEPS[8:]})
            for rule in RULES
        ),
    ],
    # Within one cycle only the inner optimizer acts
    "schedules": [
        lookahead(f"{rule}, {name}", rule, k, 0.5, lr_factors=FACTORS)
        for k, name in ((4, "k=4"), (50, "within one cycle"))
        for rule in RULES
    ],
    "outer_step": [
        *(outer_case(f"snoo, {rule}", rule, 4, [0.68], 0.37, "nesterov", "delta") for rule in RULES),
        outer_case("snoo from step 1, adamw", "adamw", 4, [0.68], 0.37, "nesterov", "delta", first_sync=1),
        *(outer_case(f"heavy ball, {rule}", rule, 4, [0.7], 0.6, "heavy_ball", "delta") for rule in ("sgd", "adamw")),
        outer_case("diloco, adamw", "adamw", 6, [0.7], 0.9, "nesterov", "delta"),
        outer_case("muloco, heavy ball", "heavy ball", 4, [0.7], 0.6, "nesterov", "outer_step"),
        outer_case("snoo, changed outer rate, sgd", "sgd", 3, [0.7, 0.7, 0.35, 0.2], 0.6, "nesterov", "delta"),
        outer_case("muloco, changed outer rate, sgd", "sgd", 3, [0.7, 0.7, 0.35, 0.2], 0.6, "nesterov", "outer_step"),
        outer_case("snoo, changed rate, sgd", "sgd", 3, [0.68], 0.37, "nesterov", "delta", lr_factors=FACTORS),
        outer_case(
            "slowmo, changed rate, sgd",
            "sgd",
            3,
            [1.0],
            0.5,
            "heavy_ball",
            "delta_over_learning_rate",
            lr_factors=FACTORS,
        ),
    ],
    "schedule_free": [
        schedule_free("sgd", SGD, 0.0),
        schedule_free("sgd, weight decay", SGD, 0.05),
        schedule_free("sgd, changed rate", SGD, 0.0, lr_factors=FACTORS),
        schedule_free("sgd, frozen", SGD, 0.0, without_gradient={"b": ALL_STEPS}),
        schedule_free("adamw", ADAM_W_WITHOUT_MOMENTUM, 0.05),
        schedule_free(
            "adamw with the paper's bias correction",
            ADAM_W_WITHOUT_MOMENTUM,
            0.05,
            convention="the paper's bias correction",
            alternative_to="adamw",
        ),
        schedule_free("adamw, changed rate", ADAM_W_WITHOUT_MOMENTUM, 0.0, lr_factors=FACTORS),
        schedule_free(
            "adamw with the paper's bias correction, changed rate",
            ADAM_W_WITHOUT_MOMENTUM,
            0.0,
            lr_factors=FACTORS,
            convention="the paper's bias correction",
            alternative_to="adamw, changed rate",
        ),
    ],
}


def steps_of(case: Case) -> int:
    """Two cycles and a part of a third, four where the outer momentum is to be seen."""
    k = case.get("sync_period", 4)
    return len(FACTORS) if "outer" in case or "lr_factors" in case else max(2 * k + 2, 14 if "joins" in case else 11)


def text_of(cases: list[Case]) -> str:
    """JSON with a line for each step."""
    initial = {tensor["name"]: tensor["initial"] for tensor in TENSORS}
    lines = ['{"tensors": [', ",\n".join(f"  {json.dumps(tensor)}" for tensor in TENSORS), '],\n"cases": [']
    written = []
    for case in cases:
        steps = steps_of(case)
        starts = {name: values for name, values in initial.items() if name != "c" or name in case.get("joins", {})}
        fast, slow = run(case, starts, gradient, steps)
        more = {"lr_factors": case["lr_factors"][:steps]} if "lr_factors" in case else {}
        head = json.dumps({**case, **more})[:-1]
        rows = ",\n".join(f"    {json.dumps({'fast': f, 'slow': s})}" for f, s in zip(fast, slow, strict=True))
        written.append(f'{head},\n  "steps": [\n{rows}]}}')
    return "\n".join([*lines, ",\n".join(written), "]}\n"])


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "trajectories"
    for stem, cases in FILES.items():
        (folder / f"{stem}.json").write_text(text_of(cases), encoding="utf-8")


if __name__ == "__main__":
    main()
