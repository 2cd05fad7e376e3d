"""A correct optimizer of every method in plain Python lists, and one that breaks each law."""

from __future__ import annotations

import copy
import math
from typing import Any

from lookahead_conformance import Adapter, Grads, Rule, Setting, Weights

Vector = list[float]


class Inner:
    """SGD with momentum, Adam or AdamW for one tensor, by PyTorch's definitions."""

    def __init__(self, rule: Rule, size: int) -> None:
        self.rule, self.steps = rule, 0
        self.moments: dict[str, Vector] = {"m": [0.0] * size, "v": [0.0] * size}
        self.weights = [0.0, 0.0]  # of Adam's moments: 1 - beta^t, unless interpolated

    def direction(self, x: Vector, g: Vector) -> Vector:
        r, m, v = self.rule, self.moments["m"], self.moments["v"]
        self.steps += 1
        if r.kind != "adamw":
            g = [gi + r.weight_decay * xi for gi, xi in zip(g, x, strict=True)]
        if r.kind == "sgd":
            m[:] = [r.momentum * mi + gi for mi, gi in zip(m, g, strict=True)]
            return list(m)
        m[:] = [r.beta1 * mi + (1 - r.beta1) * gi for mi, gi in zip(m, g, strict=True)]
        v[:] = [r.beta2 * vi + (1 - r.beta2) * gi * gi for vi, gi in zip(v, g, strict=True)]
        self.weights = [b * w + 1 - b for b, w in zip((r.beta1, r.beta2), self.weights, strict=True)]
        w1, w2 = self.weights
        return [mi / w1 / (math.sqrt(vi / w2) + r.epsilon) for mi, vi in zip(m, v, strict=True)]

    def interpolate(self, before: Inner, alpha: float) -> None:
        for name, now in self.moments.items():
            now[:] = mix(before.moments[name], now, alpha)
        self.weights = mix(before.weights, self.weights, alpha)


def mix(phi: Vector, theta: Vector, alpha: float) -> Vector:
    return list(theta) if alpha == 1.0 else [p - alpha * (p - t) for p, t in zip(phi, theta, strict=True)]


class Tensor:
    """Fast and slow weights of one tensor with all that belongs to them."""

    def __init__(self, setting: Setting, values: Vector) -> None:
        self.fast, self.slow, self.z = list(values), list(values), list(values)
        self.inner = Inner(setting.rule, len(values))
        self.anchor = copy.deepcopy(self.inner)
        self.buffer = [0.0] * len(values)
        self.largest = self.sum = 0.0


class Textbook(Adapter):
    """Algorithm 1."""

    name = "textbook Lookahead"
    resets: tuple[str, ...] = ("sgd", "adam", "adamw")
    interpolates: tuple[str, ...] = ("sgd", "adam", "adamw")

    def make(self, setting: Setting, weights: Weights) -> None:
        if setting.k < 1 or not 0.0 < setting.alpha <= 1.0:
            raise ValueError("k >= 1 and 0 < alpha <= 1")
        if setting.outer is not None and not all(0.0 < rate < math.inf for rate in setting.outer.rates):
            raise ValueError("eta > 0")
        self.setting, self.t, self.phase, self.outer = setting, 0, 0, 0
        self.tensors = {name: Tensor(setting, values) for name, values in weights.items()}

    def fast(self) -> Weights:
        return {name: list(tensor.fast) for name, tensor in self.tensors.items()}

    def slow(self) -> Weights:
        return {name: list(tensor.slow) for name, tensor in self.tensors.items()}

    def save(self) -> Any:
        return copy.deepcopy((self.tensors, self.t, self.phase, self.outer))

    def load(self, saved: Any) -> None:
        self.tensors, self.t, self.phase, self.outer = copy.deepcopy(saved)

    def add(self, name: str, values: list[float]) -> None:
        self.tensors[name] = Tensor(self.setting, values)

    def end_cycle(self) -> None:
        if self.phase:
            self.sync()

    def rate(self) -> float:
        """The learning rate of the step under way."""
        return self.setting.lr(self.t)

    def is_sync(self) -> bool:
        return self.phase == self.setting.k

    def step(self, grads: Grads) -> None:
        self.t += 1
        self.phase += 1
        for name, tensor in self.tensors.items():
            g = grads[name]
            if g is not None:
                self.move(tensor, g)
        if self.is_sync():
            self.sync()

    def move(self, tensor: Tensor, g: Vector) -> None:
        rule, lr = self.setting.rule, self.rate()
        shrink = 1 - lr * rule.weight_decay if rule.kind == "adamw" else 1.0
        way = tensor.inner.direction(tensor.fast, g)
        tensor.fast = [shrink * x - lr * d for x, d in zip(tensor.fast, way, strict=True)]

    def sync(self) -> None:
        for tensor in self.tensors.values():
            self.pull_back(tensor)
        self.phase = 0
        self.outer += 1

    def target(self, tensor: Tensor) -> Vector:
        return mix(tensor.slow, tensor.fast, self.setting.alpha)

    def pull_back(self, tensor: Tensor) -> None:
        setting, target = self.setting, self.target(tensor)
        refused = not all(map(math.isfinite, target))
        tensor.slow = [new if math.isfinite(new) else old for new, old in zip(target, tensor.slow, strict=True)]
        tensor.fast = list(tensor.slow)
        if refused or (setting.policy == "reset" and setting.rule.kind in self.resets):
            tensor.inner = Inner(setting.rule, len(target))
        elif setting.policy == "interpolate" and setting.rule.kind in self.interpolates:
            tensor.inner.interpolate(tensor.anchor, setting.alpha)
        tensor.anchor = copy.deepcopy(tensor.inner)


class TextbookOuter(Textbook):
    """An outer step with momentum."""

    name = "textbook outer step"
    method = "outer_step"

    def target(self, tensor: Tensor) -> Vector:
        o = self.setting.outer
        assert o is not None
        eta = o.rates[min(self.outer, len(o.rates) - 1)]
        unit = {"delta": 1.0, "outer_step": eta, "delta_over_learning_rate": 1 / self.rate()}[o.buffer_unit]
        d = [unit * (x - y) for x, y in zip(tensor.slow, tensor.fast, strict=True)]
        buffer = [o.momentum * b + di for b, di in zip(tensor.buffer, d, strict=True)]
        tensor.buffer = [b if math.isfinite(b) else 0.0 for b in buffer]
        way = [o.momentum * b + di for b, di in zip(buffer, d, strict=True)] if o.form == "nesterov" else buffer
        return [x - eta / unit * w for x, w in zip(tensor.slow, way, strict=True)]


class TextbookAverage(Textbook):
    """Schedule-Free: y, z and x are `fast`, `z` and `slow`."""

    name = "textbook Schedule-Free"
    method = "schedule_free"

    def is_sync(self) -> bool:
        return False

    def move(self, tensor: Tensor, g: Vector) -> None:
        lr, beta, decay = self.rate(), self.setting.beta, self.setting.weight_decay_at_y
        way = tensor.inner.direction(tensor.fast, g)
        tensor.largest = max(tensor.largest, lr)
        tensor.sum += tensor.largest**2
        c = tensor.largest**2 / tensor.sum
        tensor.z = [z - lr * (d + decay * y) for z, d, y in zip(tensor.z, way, tensor.fast, strict=True)]
        tensor.slow = [x + c * (z - x) for x, z in zip(tensor.slow, tensor.z, strict=True)]
        tensor.fast = [z + beta * (x - z) for x, z in zip(tensor.slow, tensor.z, strict=True)]
