"""Lookahead (Zhang, Lucas, Hinton, Ba 2019) as hooks on your own PyTorch optimizer.

    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    lookahead = Lookahead(optimizer, k=5, alpha=0.5)
    ...                         # train with `optimizer` as always; its state_dict has the slow weights too
    with lookahead.evaluated():
        validate(model)         # on the slow weights

Schedulers, GradScaler and trainers see the optimizer that you made. A step that GradScaler skips is no step here.
Make it again for a copy of the optimizer: `copy.deepcopy` and pickle leave hooks behind.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

POLICIES = ("maintain", "reset", "interpolate")


class Lookahead:
    """Algorithm 1: after each k-th step phi <- phi + alpha (theta - phi), and theta <- phi.

    `policy` says what a sync does to the inner state: "maintain" it, "reset" it, or "interpolate" its tensors like the
    weights. Adam's step counter stays, so that under "interpolate" its bias correction is not that of its moments.
    """

    def __init__(self, optimizer: Optimizer, k: int = 5, alpha: float = 0.5, policy: str = "maintain") -> None:
        if not isinstance(k, int) or k < 1:
            raise ValueError(f"k is {k}, but must be a whole number of at least 1")
        if not 0.0 < alpha <= 1.0:
            raise ValueError(f"alpha is {alpha}, but must be above 0 and at most 1")
        if policy not in POLICIES:
            raise ValueError(f"policy is {policy!r}, but must be one of {', '.join(POLICIES)}")
        self.optimizer, self.k, self.alpha, self.policy = optimizer, k, alpha, policy
        self.phase = 0  # steps since the last sync
        self.slow: dict[Tensor, Tensor] = {}
        self.anchors: dict[Tensor, dict[str, Tensor]] = {}  # the inner state at the last sync
        optimizer.register_step_pre_hook(lambda *_: self._seed())
        optimizer.register_step_post_hook(lambda *_: self._step())
        optimizer.register_state_dict_post_hook(lambda _, state: self._save(state))
        optimizer.register_load_state_dict_pre_hook(lambda _, state: self._load(state))

    def sync_now(self) -> None:
        """Ends a partial cycle; right after a sync it does nothing."""
        if self.phase > 0:
            self._sync()

    @contextmanager
    def evaluated(self) -> Iterator[None]:
        """Within it the parameters hold the slow weights; afterwards, also after an exception, their own bits again."""
        fast = {p: p.detach().clone() for p in self._params()}
        try:
            _copy({p: self.slow.get(p, p) for p in fast})
            yield
        finally:
            _copy(fast)

    def _params(self) -> list[Tensor]:
        return [p for group in self.optimizer.param_groups for p in group["params"]]

    def _seed(self) -> None:
        """phi <- theta before a parameter's first step, whenever it joins."""
        for p in self._params():
            if p not in self.slow:
                self.slow[p] = p.detach().clone()

    def _step(self) -> None:
        self.phase += 1
        if self.phase == self.k:
            self._sync()

    @torch.no_grad()
    def _sync(self) -> None:
        self.phase = 0
        self._seed()  # of what has joined since the last step
        for p in self._params():
            phi, state = self.slow[p], self.optimizer.state
            # phi - alpha (phi - theta): a weight that has not moved keeps its bits
            new = p if self.alpha == 1.0 else phi - self.alpha * (phi - p)
            finite = new.isfinite()
            phi.copy_(torch.where(finite, new, phi))
            p.copy_(phi)
            if self.policy == "reset" or not finite.all():
                state.pop(p, None)
                self.anchors.pop(p, None)
            elif self.policy == "interpolate" and p in state:
                self._interpolate(p, state[p])

    def _interpolate(self, p: Tensor, state: dict[str, Any]) -> None:
        anchor = self.anchors.setdefault(p, {})
        for name, value in state.items():
            if isinstance(value, Tensor) and value.shape == p.shape and name != "step":
                before = anchor.get(name, torch.zeros_like(value))
                value.copy_(value if self.alpha == 1.0 else before - self.alpha * (before - value))
                anchor[name] = value.clone()

    def _save(self, state: dict[str, Any]) -> dict[str, Any]:
        params = self._params()
        slow = [self.slow.get(p, p).detach().clone() for p in params]
        anchors = [{name: value.clone() for name, value in self.anchors.get(p, {}).items()} for p in params]
        return {**state, "lookahead": {"phase": self.phase, "slow": slow, "anchors": anchors}}

    def _load(self, state: dict[str, Any]) -> None:
        if "lookahead" not in state:
            raise ValueError("this state has no slow weights: it was saved without Lookahead")
        saved, params = state["lookahead"], self._params()
        if len(saved["slow"]) != len(params):
            raise ValueError(
                f"this state has {len(saved['slow'])} slow weights, but there are {len(params)} parameters"
            )
        self.phase = saved["phase"]
        self.slow = {p: _like(value, p) for p, value in zip(params, saved["slow"], strict=True)}
        self.anchors = {
            p: {name: _like(value, p) for name, value in anchor.items()}
            for p, anchor in zip(params, saved["anchors"], strict=True)
        }


def _like(value: Tensor, p: Tensor) -> Tensor:
    return value.detach().clone().to(device=p.device, dtype=p.dtype)


@torch.no_grad()
def _copy(values: dict[Tensor, Tensor]) -> None:
    for p, value in values.items():
        p.copy_(value)
