"""The list of the laws, and how one is checked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Literal

from lookahead_conformance import family_laws, state_laws, trajectory_laws
from lookahead_conformance.adapter import Adapter, NotOffered
from lookahead_conformance.session import Deviation, Make
from lookahead_conformance.setting import Method

Status = Literal["pass", "deviates", "throws", "not offered"]
ALL: tuple[Method, ...] = ("lookahead", "outer_step", "schedule_free")
LOOKAHEAD: tuple[Method, ...] = ("lookahead",)
SYNCING: tuple[Method, ...] = ("lookahead", "outer_step")
OUTER: tuple[Method, ...] = ("outer_step",)


@dataclass(frozen=True)
class Law:
    """A law: what holds, what it protects from, which methods it says something about, and its check.

    The check returns a note or None where the law holds, raises `Deviation` where it does not, and `NotOffered`.
    """

    name: str
    holds: str
    protects_from: str
    methods: tuple[Method, ...]
    check: Callable[[Make, Method], str | None]


@dataclass(frozen=True)
class Result:
    """What a law says of an optimizer. `deviation` is relative to max(1, |weight|)."""

    subject: str
    law: str
    status: Status
    deviation: float | None = None
    where: str | None = None
    note: str | None = None

    def as_json(self) -> dict[str, object]:
        return asdict(self) | {"deviation": str(self.deviation) if self.deviation == float("inf") else self.deviation}

    @property
    def fails(self) -> bool:
        return self.status in ("deviates", "throws")


LAWS: tuple[Law, ...] = (
    Law(
        "trajectory",
        "The weights are Algorithm 1's after every step: syncs after steps k, 2k, ..., the first cycle pulled back.",
        "slow weights seeded after the first steps, so that the first cycle is never pulled back; a sync off by one",
        ("lookahead", "schedule_free"),
        trajectory_laws.trajectory,
    ),
    Law(
        "late_parameters",
        "A parameter that joins later is seeded from its value then, and synced.",
        "layers that are unfrozen or added in mid-run and never pulled back",
        LOOKAHEAD,
        trajectory_laws.late_parameters,
    ),
    Law(
        "resume",
        "A run saved after any step of the cycle and loaded elsewhere goes on with the same bits.",
        "checkpoints without slow weights or without the place in the cycle",
        ALL,
        state_laws.resume,
    ),
    Law(
        "scheduler",
        "A learning-rate scheduler of the framework reaches the inner optimizer.",
        "a wrapper with parameter groups of its own, whose learning rate nobody reads",
        ALL,
        trajectory_laws.scheduler,
    ),
    Law(
        "scheduler_after_load",
        "It still does after the state has been loaded.",
        "groups that load_state_dict replaces in the wrapper and not in the inner optimizer, or the other way round",
        ALL,
        trajectory_laws.scheduler_after_load,
    ),
    Law(
        "frozen",
        "A parameter without a gradient keeps its bits, through syncs too.",
        "alpha theta + (1 - alpha) phi, which rounds even where theta and phi are the same",
        ALL,
        state_laws.frozen,
    ),
    Law(
        "fast_equals_slow",
        "After a sync fast and slow weights are the same, bit for bit.",
        "two sets of weights that drift apart by rounding",
        SYNCING,
        state_laws.fast_equals_slow,
    ),
    Law(
        "non_finite",
        "One gradient that is not finite leaves the slow weights finite, and its element trains again after the sync.",
        "one overflow that turns slow weights into NaN for ever",
        SYNCING,
        state_laws.non_finite,
    ),
    Law(
        "reset",
        'After a sync with "reset" the inner optimizer is a fresh one, Adam too.',
        "a reset that knows the name of one buffer only",
        LOOKAHEAD,
        trajectory_laws.reset,
    ),
    Law(
        "interpolate",
        '"Interpolate" moves every moment of the inner optimizer as a sync moves the weights, Adam\'s too.',
        "a kept copy that is the live buffer itself; a buffer that the inner optimizer never reads",
        LOOKAHEAD,
        trajectory_laws.interpolate,
    ),
    Law(
        "invalid",
        "k = 0, k = -1 and a step size that is negative, NaN or (an alpha) above 1 are refused when it is made.",
        "a training that runs for days and learns nothing",
        SYNCING,
        state_laws.invalid,
    ),
    Law(
        "evaluation",
        "Evaluating on the slow weights after any step leaves every bit of the training alone.",
        "weights that are swapped for evaluation, and not swapped back exactly",
        ALL,
        state_laws.evaluation,
    ),
    Law(
        "partial_cycle",
        "Within a cycle the slow weights are those of the last sync; a cycle ended early is pulled back, and a whole"
        " one follows.",
        "a last cycle, or an evaluation within one, that means something else each time",
        SYNCING,
        state_laws.partial_cycle,
    ),
    Law(
        "sync_offset",
        "With an outer momentum, too, the syncs follow steps k, 2k, ...",
        "a counter tested before it is raised: a first cycle of one step (1, 1 + k, ...)",
        OUTER,
        family_laws.sync_offset,
    ),
    Law(
        "outer_momentum",
        "The outer step has the form that it says: Nesterov's, mu b + d, or the heavy ball's, b.",
        "one form under the other's name",
        OUTER,
        family_laws.outer_momentum,
    ),
    Law(
        "changed_rate",
        "A changed learning rate does to the outer momentum what the unit of its buffer says.",
        "a buffer that holds old learning rates where it should hold ways, or the other way round",
        OUTER,
        family_laws.changed_rate,
    ),
)
BY_NAME = {law.name: law for law in LAWS}


def check(law: Law, make: type[Adapter]) -> Result:
    """Checks one law. An adapter that throws fails this law alone."""
    subject = make.name
    if make.method not in law.methods:
        return Result(subject, law.name, "not offered", note="the law is about another method")
    try:
        return Result(subject, law.name, "pass", note=law.check(make, make.method))
    except Deviation as deviation:
        return Result(subject, law.name, "deviates", deviation.size, deviation.where)
    except NotOffered as reason:
        return Result(subject, law.name, "not offered", note=str(reason))
    except Exception as error:
        return Result(subject, law.name, "throws", note=f"{type(error).__name__}: {error}")
