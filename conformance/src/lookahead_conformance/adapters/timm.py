"""timm's Lookahead."""

from __future__ import annotations

import torch
from timm.optim.lookahead import Lookahead

from lookahead_conformance.adapter import NotOffered
from lookahead_conformance.setting import Setting, Weights
from lookahead_conformance.torch_adapter import TorchAdapter


class Timm(TorchAdapter):
    """Evaluated as timm's train.py does it: after `sync_lookahead`, which is also its way to end a cycle early."""

    name = "timm Lookahead"
    package = "timm"

    def wrap(self, inner: torch.optim.Optimizer, setting: Setting) -> Lookahead:
        if setting.policy != "maintain":
            raise NotOffered("it keeps the inner state as it is")
        return Lookahead(inner, alpha=setting.alpha, k=setting.k)

    def slow_of(self, param: torch.nn.Parameter) -> torch.Tensor | None:
        return self.optimizer._base_optimizer.state[param].get("lookahead_slow_buff")

    def evaluate(self) -> Weights:
        self.end_cycle()
        return self.fast()

    def end_cycle(self) -> None:
        self.optimizer.sync_lookahead()
