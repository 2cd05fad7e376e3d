"""Laws that are a trajectory to follow."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from lookahead_conformance.session import Comparison, Make, Session, each, follow_any
from lookahead_conformance.setting import Case, Method, Outer, Problem, read

LOADED_AFTER = 4


def trajectory(make: Make, method: Method) -> str | None:
    if method == "schedule_free":
        problem = read("schedule_free")
        cases = [case for case in problem.cases.values() if not (case.setting.lr_factors or case.without_gradient)]
        return each(partial(follow_any, make, case, problem, slow=True) for case in cases)
    problem = read("lookahead")
    return each(partial(follow_any, make, case, problem) for case in problem.cases.values())


def late_parameters(make: Make, method: Method) -> str | None:
    problem = read("parameters")
    return each(partial(follow_any, make, case, problem) for case in problem.cases.values() if case.joins)


def reset(make: Make, method: Method) -> str | None:
    return _inner_state(make, "reset")


def interpolate(make: Make, method: Method) -> str | None:
    return _inner_state(make, "interpolate")


def _inner_state(make: Make, policy: str) -> str | None:
    problem = read("inner_state")
    cases = [case for case in problem.cases.values() if case.setting.policy == policy]
    return each(partial(follow_any, make, case, problem) for case in cases)


def scheduled_cases(method: Method) -> tuple[Problem, list[Case]]:
    """Within one long cycle, so that nothing but the inner learning rate is seen."""
    if method == "schedule_free":
        problem = read("schedule_free")
        return problem, [case for case in problem.cases.values() if case.setting.lr_factors]
    problem = read("schedules")
    cases = [case for name, case in problem.cases.items() if name.endswith("within one cycle")]
    if method == "outer_step":
        snoo = Outer("nesterov", (0.7,), 0.5)
        cases = [replace(case, setting=replace(case.setting, outer=snoo)) for case in cases]
    return problem, cases


def scheduler(make: Make, method: Method) -> str | None:
    problem, cases = scheduled_cases(method)
    return each(partial(follow_any, make, case, problem) for case in cases)


def scheduler_after_load(make: Make, method: Method) -> str | None:
    problem, cases = scheduled_cases(method)
    return each(partial(_loaded_once, make, case, problem) for case in cases)


def _loaded_once(make: Make, case: Case, problem: Problem) -> None:
    """What it has to follow is its own run without a load."""
    whole = Session(make, case.setting, problem.initial(), problem)
    for _ in range(LOADED_AFTER):
        whole.step()
    loaded = Session(make, case.setting, whole.adapter.fast(), problem, whole.t)
    loaded.adapter.load(whole.adapter.save())
    comparison = Comparison(whole.adapter.tolerance)
    for _ in range(LOADED_AFTER, len(case.fast)):
        expected = whole.step()
        comparison.add(loaded.step(), expected, f"{case.name}, loaded after step {LOADED_AFTER}: step {whole.t}")
    comparison.settle()
