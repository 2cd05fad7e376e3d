"""What all PyTorch optimizers share: in float64 on the CPU, with PyTorch's own inner optimizers and scheduler."""

from __future__ import annotations

import io
from typing import Any

import torch
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from lookahead_conformance.adapter import Adapter, Grads, NotOffered
from lookahead_conformance.setting import Rule, Setting, Weights


def inner_optimizer(rule: Rule, params: list[torch.nn.Parameter]) -> Optimizer:
    """PyTorch's optimizer of a rule."""
    if rule.kind == "sgd":
        return torch.optim.SGD(
            params,
            lr=rule.lr,
            momentum=rule.momentum,
            dampening=rule.dampening,
            nesterov=rule.nesterov,
            weight_decay=rule.weight_decay,
        )
    kind = torch.optim.AdamW if rule.kind == "adamw" else torch.optim.Adam
    betas = (rule.beta1, rule.beta2)
    return kind(params, lr=rule.lr, betas=betas, eps=rule.epsilon, weight_decay=rule.weight_decay)


class TorchAdapter(Adapter):
    """Needs `wrap`, and for the slow weights `slow_of`."""

    params: dict[str, torch.nn.Parameter]
    optimizer: Any
    scheduler: LambdaLR | None

    def wrap(self, inner: Optimizer, setting: Setting) -> Any:
        """The optimizer around an inner one. Raises `NotOffered` for what it has not."""
        raise NotImplementedError

    def slow_of(self, param: torch.nn.Parameter) -> torch.Tensor | None:
        """The slow weights of a parameter, None where there are none yet."""
        raise NotOffered("its slow weights cannot be read")

    def build(self, params: list[torch.nn.Parameter], setting: Setting) -> Any:
        """The whole optimizer; to be overridden where nothing is wrapped."""
        if setting.outer is not None:
            raise NotOffered("it has no outer step with momentum")
        return self.wrap(inner_optimizer(setting.rule, params), setting)

    def scheduled(self) -> Any:
        """The optimizer that a scheduler is made for."""
        return self.optimizer

    def make(self, setting: Setting, weights: Weights) -> None:
        self.params = {name: _parameter(values) for name, values in weights.items()}
        self.optimizer = self.build(list(self.params.values()), setting)
        factors = setting.lr_factors
        self.scheduler = None
        if factors is not None:
            self.scheduler = LambdaLR(self.scheduled(), lambda t: factors[min(t, len(factors) - 1)])

    def step(self, grads: Grads) -> None:
        for name, param in self.params.items():
            grad = grads.get(name)
            param.grad = None if grad is None else torch.tensor(grad, dtype=torch.float64)
        self.optimizer.step()
        if self.scheduler is not None:
            self.scheduler.step()

    def fast(self) -> Weights:
        return {name: param.detach().tolist() for name, param in self.params.items()}

    def slow(self) -> Weights:
        slow = {name: self.slow_of(param) for name, param in self.params.items()}
        if any(values is None for values in slow.values()):
            raise NotOffered("it has no slow weights before its first sync")
        return {name: values.detach().tolist() for name, values in slow.items() if values is not None}

    def save(self) -> bytes:
        file = io.BytesIO()
        scheduler = self.scheduler.state_dict() if self.scheduler is not None else None
        torch.save({"optimizer": self.optimizer.state_dict(), "scheduler": scheduler}, file)
        return file.getvalue()

    def load(self, saved: bytes) -> None:
        state = torch.load(io.BytesIO(saved), weights_only=False)
        self.optimizer.load_state_dict(state["optimizer"])
        if self.scheduler is not None:
            self.scheduler.load_state_dict(state["scheduler"])

    def add(self, name: str, values: list[float]) -> None:
        self.params[name] = _parameter(values)
        self.optimizer.add_param_group({"params": [self.params[name]]})

    def freeze(self, name: str) -> None:
        self.params[name].requires_grad_(False)


def _parameter(values: list[float]) -> torch.nn.Parameter:
    return torch.nn.Parameter(torch.tensor(values, dtype=torch.float64))
