"""What the laws ask of an optimizer. An adapter for PyTorch is shorter still: `torch_adapter.TorchAdapter`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from lookahead_conformance.setting import Method, Setting, Weights

Grads = dict[str, list[float] | None]


class NotOffered(Exception):
    """The optimizer has no such feature. This is said in the report and is no failure."""


class Adapter(ABC):
    """One optimizer over named tensors, which are flat lists of floats here."""

    #: What the report calls it, and the package on PyPI that its version is asked of.
    name: ClassVar[str]
    package: ClassVar[str | None] = None
    method: ClassVar[Method] = "lookahead"
    #: How far weights may be from those in double precision: |a - b| <= tolerance max(1, |b|). 5e-5 suits float32.
    tolerance: ClassVar[float] = 1e-12

    @abstractmethod
    def make(self, setting: Setting, weights: Weights) -> None:
        """Makes the optimizer, with a scheduler where `setting.lr_factors` asks for one.

        Raises `NotOffered` where it has no such setting, and any other exception where it refuses the numbers.
        """

    @abstractmethod
    def step(self, grads: Grads) -> None:
        """One step with these gradients; a tensor without one has None. The scheduler steps after it."""

    @abstractmethod
    def fast(self) -> Weights:
        """The weights that the next gradient is taken at."""

    def slow(self) -> Weights:
        """The slow weights, or the average, without touching the run."""
        raise NotOffered("its slow weights cannot be read")

    def evaluate(self) -> Weights:
        """The weights to evaluate, in the way that the optimizer has for it; training goes on afterwards."""
        return self.slow()

    def save(self) -> Any:
        """All that a new process needs besides the fast weights, as a value that later steps do not change."""
        raise NotOffered("it has no way to save its state")

    def load(self, saved: Any) -> None:
        """Takes up what was saved, right after `make` with the fast weights of that moment."""
        raise NotOffered("it has no way to load its state")

    def add(self, name: str, values: list[float]) -> None:
        """Lets a tensor join."""
        raise NotOffered("parameters cannot join later")

    def freeze(self, name: str) -> None:  # noqa: B027 nothing more is to be done in most frameworks
        """Stops training a tensor: from now on its gradient is None."""

    def end_cycle(self) -> None:
        """Ends a partial cycle with a sync now, after which a whole cycle follows."""
        raise NotOffered("it has no way to end a cycle early")
