"""The authors' Schedule-Free SGD and AdamW."""

from __future__ import annotations

from typing import Any, ClassVar

import schedulefree
import torch

from lookahead_conformance.adapter import NotOffered
from lookahead_conformance.setting import Setting, Weights
from lookahead_conformance.torch_adapter import TorchAdapter, inner_optimizer


class ScheduleFreeAdapter(TorchAdapter):
    """Optimizers with `train()` and `eval()`, which turn y into x and back by interpolation."""

    method = "schedule_free"
    sgd: ClassVar[Any]
    adamw: ClassVar[Any]

    def build(self, params: list[torch.nn.Parameter], setting: Setting) -> Any:
        rule, self.beta = setting.rule, setting.beta
        if rule.kind == "sgd":
            kind, inner = self.sgd, dict[str, Any](momentum=setting.beta)
        elif rule.kind == "adamw" and rule.beta1 == 0.0:
            kind, inner = self.adamw, {"betas": (setting.beta, rule.beta2), "eps": rule.epsilon}
        else:
            raise NotOffered("it has SGD and AdamW inside")
        optimizer = kind(params, lr=rule.lr, weight_decay=setting.weight_decay_at_y, **inner)
        optimizer.train()
        return optimizer

    def load(self, saved: bytes) -> None:
        super().load(saved)
        self.optimizer.train()

    def slow_of(self, param: torch.nn.Parameter) -> torch.Tensor | None:
        """x = (y - (1 - beta) z) / beta."""
        z = self.optimizer.state[param].get("z", param)
        return (param - (1 - self.beta) * z) / self.beta

    def evaluate(self) -> Weights:
        self.optimizer.eval()
        weights = self.fast()
        self.optimizer.train()
        return weights


class ScheduleFree(ScheduleFreeAdapter):
    """Its SGD and AdamW."""

    name = "schedulefree"
    package = "schedulefree"
    sgd = schedulefree.SGDScheduleFree
    adamw = schedulefree.AdamWScheduleFree


class AroundSgd(ScheduleFreeAdapter):
    """The wrapper, around PyTorch's own SGD, on which a scheduler is put: the wrapper is no `Optimizer`."""

    name = "schedulefree wrapper around SGD"
    package = "schedulefree"
    kind: ClassVar[str] = "sgd"

    def build(self, params: list[torch.nn.Parameter], setting: Setting) -> Any:
        if setting.rule.kind != self.kind:
            raise NotOffered(f"around {setting.rule.kind} it has an adapter of its own")
        self.beta = setting.beta
        inner = inner_optimizer(setting.rule, params)
        decay = setting.weight_decay_at_y
        optimizer = schedulefree.ScheduleFreeWrapper(inner, weight_decay_at_y=decay, momentum=self.beta)
        optimizer.train()
        return optimizer

    def scheduled(self) -> Any:
        return self.optimizer.base


class AroundAdamW(AroundSgd):
    """The wrapper, around PyTorch's own AdamW."""

    name = "schedulefree wrapper around AdamW"
    kind = "adamw"
