"""For each law an optimizer that breaks it and no other."""

from __future__ import annotations

import copy
import math
from dataclasses import replace
from typing import Any

from lookahead_conformance import Adapter, Grads, Setting, Weights
from textbook import Inner, Tensor, Textbook, TextbookAverage, TextbookOuter, Vector


class SeedsLate(Textbook):
    """Slow weights begin at the first sync, with k = 5 alone: no other law has that period."""

    def pull_back(self, tensor: Tensor) -> None:
        if self.outer == 0 and self.setting.k == 5:
            tensor.slow = list(tensor.fast)
        super().pull_back(tensor)


class LeavesLateOnesAlone(Textbook):
    """A tensor that joins is never pulled back."""

    def add(self, name: str, values: list[float]) -> None:
        super().add(name, values)
        self.late = name

    def sync(self) -> None:
        late = getattr(self, "late", None)
        kept = list(self.tensors[late].fast) if late else []
        super().sync()
        if late:
            self.tensors[late].fast = kept


class ForgetsThePhase(Textbook):
    """A checkpoint without the place in the cycle; with k = 50 nothing is to be seen of it."""

    def load(self, saved: Any) -> None:
        super().load(saved)
        self.phase = 0


class IgnoresTheScheduler(Textbook):
    def rate(self) -> float:
        return self.setting.rule.lr


class LosesTheSchedulerInALoad(Textbook):
    def load(self, saved: Any) -> None:
        super().load(saved)
        self.setting = replace(self.setting, lr_factors=None)


class TwoProducts(Textbook):
    """(1 - alpha) phi + alpha theta, of a tensor that has not moved."""

    def target(self, tensor: Tensor) -> Vector:
        alpha = self.setting.alpha
        if tensor.fast != tensor.slow:
            return super().target(tensor)
        return [(1 - alpha) * phi + alpha * theta for phi, theta in zip(tensor.slow, tensor.fast, strict=True)]


class DriftsByRounding(Textbook):
    """theta is phi with another rounding, but for the tensor that the laws freeze."""

    def pull_back(self, tensor: Tensor) -> None:
        super().pull_back(tensor)
        if len(tensor.fast) == 6:
            tensor.fast = [math.nextafter(x, math.inf) for x in tensor.fast]


class TakesAnyNumber(Textbook):
    """What is not finite reaches phi."""

    def pull_back(self, tensor: Tensor) -> None:
        target = self.target(tensor)
        super().pull_back(tensor)
        if not all(map(math.isfinite, target)):
            tensor.slow, tensor.fast = list(target), list(target)


class ResetsMomentumAlone(Textbook):
    resets = ("sgd",)


class InterpolatesMomentumAlone(Textbook):
    interpolates = ("sgd",)


class TakesAnyK(Textbook):
    def make(self, setting: Setting, weights: Weights) -> None:
        super().make(replace(setting, k=max(1, setting.k)), weights)


class SwapsCarelessly(Textbook):
    """Evaluation leaves the slow weights in the model's place."""

    def evaluate(self) -> Weights:
        for tensor in self.tensors.values():
            tensor.fast = list(tensor.slow)
        return self.fast()


class ShortensTheNextCycle(Textbook):
    """A cycle ended early does not begin a whole one."""

    def end_cycle(self) -> None:
        phase = self.phase
        super().end_cycle()
        self.phase = phase


class SyncsAfterTheFirstStep(TextbookOuter):
    """After steps 1, 1 + k, ... around the rules of one law."""

    def is_sync(self) -> bool:
        outer = self.setting.outer
        if outer is None or (outer.rates, outer.momentum) != ((0.68,), 0.37) or self.setting.lr_factors:
            return super().is_sync()
        return self.t % self.setting.k == 1


class OneFormForAll(TextbookOuter):
    """Nesterov's, whatever is asked for, where the buffer holds ways."""

    def make(self, setting: Setting, weights: Weights) -> None:
        super().make(setting, weights)
        if setting.outer is not None and setting.outer.buffer_unit == "delta":
            self.setting = replace(setting, outer=replace(setting.outer, form="nesterov"))


class OneUnitForAll(TextbookOuter):
    """The buffer holds ways, whatever is asked for."""

    def make(self, setting: Setting, weights: Weights) -> None:
        super().make(setting, weights)
        if setting.outer is not None:
            self.setting = replace(setting, outer=replace(setting.outer, buffer_unit="delta"))


class ForgetsTheAverage(TextbookAverage):
    """A checkpoint whose x begins anew at y, in a run without a scheduler."""

    def load(self, saved: Any) -> None:
        super().load(saved)
        if self.setting.lr_factors is None:
            for tensor in self.tensors.values():
                tensor.slow, tensor.z = list(tensor.fast), list(tensor.fast)


class ChargesTheFrozen(TextbookAverage):
    """A tensor without a gradient moves towards its average by rounding."""

    def step(self, grads: Grads) -> None:
        super().step(grads)
        for name, tensor in self.tensors.items():
            if grads[name] is None:
                tensor.fast = [math.nextafter(x, 0.0) for x in tensor.fast]


class RoundsInEvaluation(TextbookAverage):
    def evaluate(self) -> Weights:
        for tensor in self.tensors.values():
            tensor.fast = [math.nextafter(x, math.inf) for x in tensor.fast]
        return self.slow()


class Throws(Textbook):
    """In the step after a reset of Adam."""

    def pull_back(self, tensor: Tensor) -> None:
        super().pull_back(tensor)
        if self.setting.policy == "reset" and self.setting.rule.kind == "adam":
            tensor.inner = copy.copy(Inner(self.setting.rule, 0))


BREAKS: list[tuple[str, type[Adapter]]] = [
    ("trajectory", SeedsLate),
    ("late_parameters", LeavesLateOnesAlone),
    ("resume", ForgetsThePhase),
    ("scheduler", IgnoresTheScheduler),
    ("scheduler_after_load", LosesTheSchedulerInALoad),
    ("frozen", TwoProducts),
    ("fast_equals_slow", DriftsByRounding),
    ("non_finite", TakesAnyNumber),
    ("reset", ResetsMomentumAlone),
    ("interpolate", InterpolatesMomentumAlone),
    ("invalid", TakesAnyK),
    ("evaluation", SwapsCarelessly),
    ("partial_cycle", ShortensTheNextCycle),
    ("sync_offset", SyncsAfterTheFirstStep),
    ("outer_momentum", OneFormForAll),
    ("changed_rate", OneUnitForAll),
    ("resume", ForgetsTheAverage),
    ("frozen", ChargesTheFrozen),
    ("evaluation", RoundsInEvaluation),
    ("reset", Throws),
]
