"""One optimizer under way on the problem of the trajectories, and how its weights are compared."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable

from lookahead_conformance.adapter import Adapter, Grads, NotOffered
from lookahead_conformance.setting import Case, Problem, Setting, Weights

Make = Callable[[], Adapter]


class Deviation(Exception):
    """A law is broken: by how much, if that is a number, and where it began."""

    def __init__(self, where: str, size: float | None = None) -> None:
        super().__init__(where)
        self.where, self.size = where, size


class Session:
    """An adapter with the number of its last step."""

    def __init__(self, make: Make, setting: Setting, weights: Weights, problem: Problem, t: int = 0) -> None:
        self.problem, self.setting, self.t = problem, setting, t
        self.adapter = make()
        self.adapter.make(setting, {name: list(values) for name, values in weights.items()})

    def step(self, without: Collection[str] = (), poison: tuple[str, int, float] | None = None) -> Weights:
        """One step with the problem's gradients at the fast weights. `poison` puts a value into one of them."""
        self.t += 1
        grads: Grads = {**self.problem.gradients(self.adapter.fast(), self.t), **dict.fromkeys(without)}
        if poison is not None:
            name, element, value = poison
            grad = grads[name]
            assert grad is not None
            grad[element] = value
        self.adapter.step(grads)
        return self.adapter.fast()

    def slow(self) -> Weights | None:
        """The slow weights, None where there are none to read yet."""
        try:
            return self.adapter.slow()
        except NotOffered:
            return None


def distance(a: float, b: float) -> float:
    """|a - b| over max(1, |b|); infinite where only one is finite."""
    if a == b or (math.isnan(a) and math.isnan(b)):
        return 0.0
    return abs(a - b) / max(1.0, abs(b)) if math.isfinite(a) and math.isfinite(b) else math.inf


class Comparison:
    """Collects by how much two runs differ at most, and where that began."""

    def __init__(self, tolerance: float) -> None:
        self.tolerance, self.size, self.where = tolerance, 0.0, ""

    def add(self, found: Weights, expected: Weights, at: str) -> None:
        for name, values in expected.items():
            for i, (a, b) in enumerate(zip(found[name], values, strict=True)):
                off = distance(a, b)
                same_bits = self.tolerance > 0.0 or float.hex(a) == float.hex(b)
                if (off > self.tolerance or not same_bits) and not self.where:
                    self.where = f"{at}, {name}[{i}]"
                self.size = max(self.size, off)

    def settle(self) -> None:
        if self.where:
            raise Deviation(self.where, self.size)


def follow(make: Make, case: Case, problem: Problem, slow: bool = False) -> None:
    """Steps along a trajectory, comparing the fast weights after each step, and the slow ones if asked.

    Where tensors join only they are compared: the others have a law of their own.
    """
    names = tuple(name for name in ("a", "b", "c") if name not in case.joins)
    names = tuple(name for name in names if name in case.fast[0])
    session = Session(make, case.setting, problem.initial(names), problem)
    comparison = Comparison(session.adapter.tolerance)
    for t, expected in enumerate(case.fast, 1):
        for name, values in problem.initial(tuple(n for n, step in case.joins.items() if step == t)).items():
            session.adapter.add(name, values)
        without = [name for name, steps in case.without_gradient.items() if t in steps]
        expected = {name: values for name, values in expected.items() if not case.joins or name in case.joins}
        comparison.add(session.step(without), expected, f"{case.name}: step {t}")
        if slow:
            comparison.add(session.adapter.slow(), case.slow[t - 1], f"{case.name}: step {t}, slow")
    comparison.settle()


def follow_any(make: Make, case: Case, problem: Problem, slow: bool = False) -> str | None:
    """The same, or one of the case's other conventions, whose name is returned."""
    try:
        follow(make, case, problem, slow)
        return None
    except Deviation:
        for other in case.alternatives:
            try:
                follow(make, other, problem, slow)
                return other.convention
            except Deviation:
                continue
        raise


def each(checks: Iterable[Callable[[], str | None]]) -> str | None:
    """Carries out all checks. The first that deviates says where, the largest deviation how much.

    What is not offered is left out and noted, unless nothing is offered. Returns all notes.
    """
    first: Deviation | None = None
    sizes: list[float] = []
    notes: list[str] = []
    missing: list[NotOffered] = []
    done = 0
    for check in checks:
        try:
            note = check()
            done += 1
            if note and note not in notes:
                notes.append(note)
        except Deviation as deviation:
            first = first or deviation
            done += 1
            sizes += [deviation.size] if deviation.size is not None else []
        except NotOffered as reason:
            missing.append(reason)
    if first is not None:
        raise Deviation(first.where, max(sizes, default=None))
    if not done and missing:
        raise missing[0]
    notes += {f"not offered: {reason}": None for reason in missing}
    return "; ".join(notes) or None
