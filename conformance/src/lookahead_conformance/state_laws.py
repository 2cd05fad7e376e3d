"""Laws that compare an optimizer with itself: what is saved, kept, refused and looked at."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial

from lookahead_conformance.adapter import NotOffered
from lookahead_conformance.session import Comparison, Deviation, Make, Session, distance, each
from lookahead_conformance.setting import Method, Outer, Problem, Rule, Setting, Weights, read

SGD = Rule("sgd", lr=0.1, weight_decay=0.0)
HEAVY_BALL = Rule("sgd", lr=0.05, weight_decay=0.0, momentum=0.9)
ADAM = Rule("adam", lr=0.05, weight_decay=0.0)
# Schedule-Free brings its own momentum
ADAM_W = Rule("adamw", lr=0.05, weight_decay=0.0, beta1=0.0)
K = 4


def settings(method: Method, alpha: float = 0.3) -> dict[str, Setting]:
    """A setting for each inner rule."""
    if method == "schedule_free":
        return {"sgd": Setting(SGD), "adamw": Setting(ADAM_W, weight_decay_at_y=0.05)}
    outer = Outer("nesterov", (0.7,), 0.5) if method == "outer_step" else None
    rules = {"sgd": SGD, "heavy ball": HEAVY_BALL, "adam": ADAM}
    return {name: Setting(rule, K, alpha, outer=outer) for name, rule in rules.items()}


def problem() -> Problem:
    return read("lookahead")


def resume(make: Make, method: Method) -> str | None:
    return each(partial(_resumes, make, name, setting) for name, setting in settings(method).items())


def _resumes(make: Make, name: str, setting: Setting) -> str | None:
    comparison = Comparison(0.0)
    last = 4 * K
    whole = Session(make, setting, problem().initial(), problem())
    expected = [problem().initial()] + [whole.step() for _ in range(last)]
    for saved_after in range(2 * K + 1):
        first = Session(make, setting, problem().initial(), problem())
        for _ in range(saved_after):
            first.step()
        second = Session(make, setting, first.adapter.fast(), problem(), saved_after)
        second.adapter.load(first.adapter.save())
        for t in range(saved_after + 1, last + 1):
            comparison.add(second.step(), expected[t], f"{name}, saved after step {saved_after}: step {t}")
    comparison.settle()
    return None


def frozen(make: Make, method: Method) -> str | None:
    """From the beginning, and from a sync on, where fast and slow weights are the same and nothing else moves them."""
    checks = (
        partial(_stays, make, name, setting, after)
        for alpha in (0.3, 0.8)
        for name, setting in settings(method, alpha).items()
        for after in (0, 2 * K)
        if after == 0 or method == "lookahead"
    )
    return each(checks)


def _stays(make: Make, name: str, setting: Setting, after: int) -> str | None:
    session = Session(make, setting, problem().initial(), problem())
    while session.t < after or (after and session.t < after + K and not _met(session)):
        session.step()
    session.adapter.freeze("b")
    kept, since = {"b": session.adapter.fast()["b"]}, session.t
    comparison = Comparison(0.0)
    for _ in range(3 * K):
        comparison.add(session.step(without=["b"]), kept, f"{name}, frozen after step {since}: step {session.t}")
    comparison.settle()
    return None


def _met(session: Session) -> bool:
    """Whether fast and slow weights are the same now, to rounding."""
    slow, fast = session.slow(), session.adapter.fast()
    return slow is None or all(
        distance(a, b) < 1e-9 for name in fast for a, b in zip(fast[name], slow[name], strict=True)
    )


def fast_equals_slow(make: Make, method: Method) -> str | None:
    checks = (
        partial(_meet, make, name, setting) for alpha in (0.3, 0.8) for name, setting in settings(method, alpha).items()
    )
    return each(checks)


def _meet(make: Make, name: str, setting: Setting) -> str | None:
    """A sync is a step that moves the slow weights, wherever it comes."""
    session = Session(make, setting, problem().initial(), problem())
    before, syncs, comparison = session.slow(), 0, Comparison(0.0)
    for _ in range(4 * K):
        fast, slow = session.step(), session.slow()
        if slow is not None and slow != before:
            syncs += 1
            comparison.add(fast, slow, f"{name}: step {session.t}")
        before = slow
    if before is None:
        session.adapter.slow()
    if not syncs:
        raise Deviation(f"{name}: the slow weights did not move in {4 * K} steps")
    comparison.settle()
    return None


def non_finite(make: Make, method: Method) -> str | None:
    checks = (
        partial(_recovers, make, f"{name}, {value}", setting, value)
        for value in (math.inf, math.nan)
        for name, setting in settings(method).items()
    )
    return each(checks)


def _recovers(make: Make, name: str, setting: Setting, value: float) -> str | None:
    session = Session(make, setting, problem().initial(), problem())
    for _ in range(K + 1):
        session.step()
    session.step(poison=("b", 1, value))
    seen: list[float] = []
    for _ in range(3 * K):
        session.step()
        slow = session.slow()
        if slow is None:
            continue
        for tensor, values in slow.items():
            for i, x in enumerate(values):
                if not math.isfinite(x):
                    raise Deviation(f"{name} in step {K + 2}: after step {session.t} the slow {tensor}[{i}] is {x}")
        if slow["b"][1] not in seen:
            seen.append(slow["b"][1])
    if not seen:
        session.adapter.slow()
    if len(seen) < 3:
        raise Deviation(f"{name} in step {K + 2}: b[1] is never trained again")
    return None


def invalid(make: Make, method: Method) -> str | None:
    [setting, *_] = settings(method).values()
    refused = {"k = 0": replace(setting, k=0), "k = -1": replace(setting, k=-1)}
    for value in (-0.5, math.nan) if setting.outer else (-0.5, 1.5, math.nan):
        if setting.outer is None:
            refused[f"alpha = {value}"] = replace(setting, alpha=value)
        else:
            refused[f"eta = {value}"] = replace(setting, outer=replace(setting.outer, rates=(value,)))
    make().make(setting, problem().initial())
    accepted = [name for name, bad in refused.items() if _accepts(make, bad)]
    if accepted:
        raise Deviation(f"accepted: {', '.join(accepted)}")
    return None


def _accepts(make: Make, setting: Setting) -> bool:
    try:
        make().make(setting, problem().initial())
    except NotOffered:
        raise
    except Exception:
        return False
    return True


def evaluation(make: Make, method: Method) -> str | None:
    return each(partial(_looks_on, make, name, setting) for name, setting in settings(method).items())


def _looks_on(make: Make, name: str, setting: Setting) -> str | None:
    plain, watched = (Session(make, setting, problem().initial(), problem()) for _ in range(2))
    comparison, looked = Comparison(0.0), 0
    reason = NotOffered()
    for _ in range(3 * K):
        expected = plain.step()
        comparison.add(watched.step(), expected, f"{name}: step {plain.t}")
        try:
            watched.adapter.evaluate()
            looked += 1
        except NotOffered as error:
            reason = error
    if not looked:
        raise reason
    comparison.settle()
    return None


def partial_cycle(make: Make, method: Method) -> str | None:
    checks = [
        partial(check, make, name, setting)
        for name, setting in settings(method).items()
        for check in (_keeps_the_last_sync, _ends_early)
    ]
    return each(checks)


def _keeps_the_last_sync(make: Make, name: str, setting: Setting) -> str | None:
    session = Session(make, setting, problem().initial(), problem())
    at_sync, comparison = problem().initial(), Comparison(session.adapter.tolerance)
    readable = 0
    for t in range(1, 3 * K):
        fast = session.step()
        at_sync = fast if t % K == 0 else at_sync
        slow = session.slow()
        readable += slow is not None
        if slow is not None:
            comparison.add(slow, at_sync, f"{name}: step {t}, slow")
    if not readable:
        session.adapter.slow()
    comparison.settle()
    return None if readable == 3 * K - 1 else "no slow weights before the first sync"


def _ends_early(make: Make, name: str, setting: Setting) -> str | None:
    """After steps 2, and k + 3: a sync, and then a whole cycle."""
    for phase in (2, K + 3):
        session = Session(make, setting, problem().initial(), problem())
        for _ in range(phase):
            session.step()
        theta, phi, tolerance = session.adapter.fast(), session.slow(), session.adapter.tolerance
        session.adapter.end_cycle()
        met = session.adapter.fast()
        comparison, at = Comparison(tolerance), f"{name}, ended after step {phase}"
        if phi is not None and setting.outer is None:
            comparison.add(met, _pulled_back(phi, theta, setting.alpha), at)
        for _ in range(K - 1):
            session.step()
            comparison.add(session.adapter.slow(), met, f"{at}: step {session.t}, slow")
        fast = session.step()
        comparison.add(session.adapter.slow(), fast, f"{at}: step {session.t}, slow")
        comparison.settle()
    return None


def _pulled_back(phi: Weights, theta: Weights, alpha: float) -> Weights:
    """phi + alpha (theta - phi)."""
    return {name: [p + alpha * (w - p) for p, w in zip(phi[name], theta[name], strict=True)] for name in phi}
