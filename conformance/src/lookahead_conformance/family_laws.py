"""Laws of outer steps with momentum: SNOO, DiLoCo, MuLoCo, SlowMo."""

from __future__ import annotations

from functools import partial

from lookahead_conformance.session import Deviation, Make, each, follow
from lookahead_conformance.setting import Method, read


def sync_offset(make: Make, method: Method) -> str | None:
    problem = read("outer_step")
    cases = [case for name, case in problem.cases.items() if name.startswith("snoo, ") and "changed" not in name]
    try:
        return each(partial(follow, make, case, problem) for case in cases)
    except Deviation as deviation:
        try:
            follow(make, problem.cases["snoo from step 1, adamw"], problem)
        except Deviation:
            raise deviation from None
        raise Deviation(f"{deviation.where} (it syncs after steps 1, 1 + k, ...)", deviation.size) from None


def outer_momentum(make: Make, method: Method) -> str | None:
    problem = read("outer_step")
    names = [name for name in problem.cases if name.startswith(("heavy ball, ", "diloco, "))]
    return each(partial(follow, make, problem.cases[name], problem) for name in names)


def changed_rate(make: Make, method: Method) -> str | None:
    problem = read("outer_step")
    names = [name for name in problem.cases if "changed" in name or name.startswith("muloco, ")]
    return each(partial(follow, make, problem.cases[name], problem) for name in names)
