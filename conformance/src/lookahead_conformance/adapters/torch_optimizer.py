"""torch-optimizer's Lookahead."""

from __future__ import annotations

import torch
from torch_optimizer import Lookahead

from lookahead_conformance.adapter import NotOffered
from lookahead_conformance.setting import Setting, Weights
from lookahead_conformance.torch_adapter import TorchAdapter


class TorchOptimizer(TorchAdapter):
    """It has no way to evaluate on the slow weights; they are read out of its state."""

    name = "torch_optimizer Lookahead"
    package = "torch_optimizer"

    def wrap(self, inner: torch.optim.Optimizer, setting: Setting) -> Lookahead:
        if setting.policy != "maintain":
            raise NotOffered("it keeps the inner state as it is")
        return Lookahead(inner, k=setting.k, alpha=setting.alpha)

    def slow_of(self, param: torch.nn.Parameter) -> torch.Tensor | None:
        return self.optimizer.state[param].get("slow_param")

    def evaluate(self) -> Weights:
        raise NotOffered("it has no way to evaluate on the slow weights")
