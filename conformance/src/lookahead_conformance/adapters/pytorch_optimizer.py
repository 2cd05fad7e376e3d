"""pytorch-optimizer's Lookahead and Schedule-Free."""

from __future__ import annotations

import torch
from pytorch_optimizer import Lookahead, ScheduleFreeAdamW, ScheduleFreeSGD

from lookahead_conformance.adapter import NotOffered
from lookahead_conformance.adapters.schedulefree import ScheduleFreeAdapter
from lookahead_conformance.setting import Setting, Weights
from lookahead_conformance.torch_adapter import TorchAdapter

POLICIES = {"maintain": "none", "reset": "reset", "interpolate": "pullback"}


class PytorchOptimizer(TorchAdapter):
    """Evaluated by its pair `backup_and_load_cache` and `clear_and_load_backup`."""

    name = "pytorch_optimizer Lookahead"
    package = "pytorch_optimizer"

    def wrap(self, inner: torch.optim.Optimizer, setting: Setting) -> Lookahead:
        if setting.alpha == 1.0:
            raise NotOffered("alpha = 1")
        return Lookahead(inner, k=setting.k, alpha=setting.alpha, pullback_momentum=POLICIES[setting.policy])

    def slow_of(self, param: torch.nn.Parameter) -> torch.Tensor | None:
        return self.optimizer.state[param].get("slow_params")

    def evaluate(self) -> Weights:
        self.optimizer.backup_and_load_cache()
        weights = self.fast()
        self.optimizer.clear_and_load_backup()
        return weights


class ScheduleFree(ScheduleFreeAdapter):
    """Its SGD and AdamW."""

    name = "pytorch_optimizer ScheduleFree"
    package = "pytorch_optimizer"
    sgd = ScheduleFreeSGD
    adamw = ScheduleFreeAdamW
