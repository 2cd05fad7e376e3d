"""What an optimizer is asked to be, and the trajectories that it then has to follow."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

Weights = dict[str, list[float]]
Method = Literal["lookahead", "outer_step", "schedule_free"]


@dataclass(frozen=True)
class Rule:
    """The inner optimizer, by PyTorch's definitions."""

    kind: Literal["sgd", "adam", "adamw"]
    lr: float
    weight_decay: float
    momentum: float = 0.0
    dampening: float = 0.0
    nesterov: bool = False
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8


@dataclass(frozen=True)
class Outer:
    """An outer step: b = mu b + d, then phi - eta (mu b + d) ("nesterov") or phi - eta b, where d = phi - theta.

    `rates` has eta for each outer step; the last one stays. `buffer_unit` is what b is counted in: d itself, eta d
    ("outer_step") or d over the inner learning rate.
    """

    form: Literal["nesterov", "heavy_ball"]
    rates: tuple[float, ...]
    momentum: float
    buffer_unit: Literal["delta", "outer_step", "delta_over_learning_rate"] = "delta"


@dataclass(frozen=True)
class Setting:
    """One optimizer with its hyperparameters. `lr_factors` multiply the learning rate step by step, by a scheduler."""

    rule: Rule
    k: int = 5
    alpha: float = 0.5
    policy: Literal["maintain", "reset", "interpolate"] = "maintain"
    outer: Outer | None = None
    beta: float = 0.9
    weight_decay_at_y: float = 0.0
    lr_factors: tuple[float, ...] | None = None

    def lr(self, t: int) -> float:
        """The learning rate of step t, counted from 1."""
        return self.rule.lr * (self.lr_factors[min(t, len(self.lr_factors)) - 1] if self.lr_factors else 1.0)


@dataclass(frozen=True)
class Case:
    """A setting and its trajectory: weights after each step, fast and slow."""

    name: str
    setting: Setting
    joins: dict[str, int]
    without_gradient: dict[str, list[int]]
    convention: str | None
    alternatives: tuple[Case, ...]
    fast: list[Weights]
    slow: list[Weights]


@dataclass(frozen=True)
class Problem:
    """The tensors and cases of a file of `trajectories/`."""

    tensors: list[dict[str, Any]]
    cases: dict[str, Case]

    def initial(self, names: tuple[str, ...] = ("a", "b")) -> Weights:
        """theta_0 of these tensors."""
        return {tensor["name"]: list(tensor["initial"]) for tensor in self.tensors if tensor["name"] in names}

    def gradients(self, weights: Weights, t: int) -> Weights:
        """curvature (theta - target) + perturbation in step t, counted from 1."""
        found, first = {}, 0
        for tensor in self.tensors:
            theta = weights.get(tensor["name"])
            if theta is not None:
                rows = zip(tensor["curvature"], theta, tensor["target"], strict=True)
                found[tensor["name"]] = [
                    c * (w - to) + ((i * 7919 + t * 104729) % 1000) / 1000 - 0.5
                    for i, (c, w, to) in enumerate(rows, first)
                ]
            first += len(tensor["initial"])
        return found


def folder() -> Path:
    """Where the trajectories are: beside the sources, or in the package that was installed."""
    installed = Path(__file__).parent / "trajectories"
    return installed if installed.is_dir() else Path(__file__).parents[2] / "trajectories"


@cache
def read(stem: str) -> Problem:
    """Reads `trajectories/{stem}.json`."""
    data = json.loads((folder() / f"{stem}.json").read_text(encoding="utf-8"))
    primary = [case for case in data["cases"] if "alternative_to" not in case]
    others = [case for case in data["cases"] if "alternative_to" in case]
    cases = {}
    for case in primary:
        alternatives = tuple(_case(other, ()) for other in others if other["alternative_to"] == case["name"])
        cases[case["name"]] = _case(case, alternatives)
    return Problem(data["tensors"], cases)


def _case(case: dict[str, Any], alternatives: tuple[Case, ...]) -> Case:
    outer = case.get("outer")
    average = case.get("schedule_free", {})
    factors = case.get("lr_factors")
    setting = Setting(
        rule=Rule(**case["rule"]),
        k=case.get("sync_period", 5),
        alpha=case.get("alpha", 0.5),
        policy=case.get("policy", "maintain"),
        outer=Outer(**{**outer, "rates": tuple(outer["rates"])}) if outer else None,
        beta=average.get("beta", 0.9),
        weight_decay_at_y=average.get("weight_decay", 0.0),
        lr_factors=tuple(factors) if factors else None,
    )
    return Case(
        case["name"],
        setting,
        case.get("joins", {}),
        case.get("without_gradient", {}),
        case.get("convention"),
        alternatives,
        [step["fast"] for step in case["steps"]],
        [step["slow"] for step in case["steps"]],
    )
