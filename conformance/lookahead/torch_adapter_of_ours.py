"""The adapter of `lookahead_torch.py`: `lookahead-conformance conformance/lookahead/torch_adapter_of_ours.py`."""

from __future__ import annotations

import torch

from lookahead_conformance.setting import Setting, Weights
from lookahead_conformance.torch_adapter import TorchAdapter
from lookahead_torch import Lookahead


class Ours(TorchAdapter):
    """Hooks on PyTorch's own optimizer, which stays the optimizer of the run."""

    name = "lookahead_torch.py"

    def wrap(self, inner: torch.optim.Optimizer, setting: Setting) -> torch.optim.Optimizer:
        self.lookahead = Lookahead(inner, setting.k, setting.alpha, setting.policy)
        return inner

    def slow_of(self, param: torch.nn.Parameter) -> torch.Tensor:
        return self.lookahead.slow.get(param, param)

    def evaluate(self) -> Weights:
        with self.lookahead.evaluated():
            return self.fast()

    def end_cycle(self) -> None:
        self.lookahead.sync_now()
