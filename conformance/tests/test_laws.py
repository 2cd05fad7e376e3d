"""Correct optimizers pass every law, and each law fails for one that breaks it and for no other."""

from __future__ import annotations

import pytest

from broken import BREAKS
from lookahead_conformance import Adapter, NotOffered, Setting, Weights
from lookahead_conformance.laws import BY_NAME, LAWS, check
from textbook import Textbook, TextbookAverage, TextbookOuter


@pytest.mark.parametrize("adapter", [Textbook, TextbookOuter, TextbookAverage])
def test_a_correct_optimizer_passes(adapter: type[Adapter]) -> None:
    results = [check(law, adapter) for law in LAWS]
    statuses = {result.law: result.status for result in results}
    assert [result for result in results if result.fails] == []
    passed = {law.name for law in LAWS if adapter.method in law.methods}
    assert {name for name, status in statuses.items() if status == "pass"} == passed


@pytest.mark.parametrize(("law", "adapter"), BREAKS, ids=[kind.__name__ for _, kind in BREAKS])
def test_a_broken_one_fails_that_law_alone(law: str, adapter: type[Adapter]) -> None:
    results = [check(each, adapter) for each in LAWS if adapter.method in each.methods]
    assert [result.law for result in results if result.fails] == [law], [r for r in results if r.fails]


def test_every_law_can_fail() -> None:
    assert {law for law, _ in BREAKS} == set(BY_NAME)


def test_a_deviation_says_how_much_and_where_it_began() -> None:
    kinds = {kind.__name__: kind for _, kind in BREAKS}
    result = check(BY_NAME["trajectory"], kinds["SeedsLate"])
    assert result.where == "sgd, k=5, alpha=0.5: step 5, a[0]"
    assert result.deviation is not None and 0.01 < result.deviation < 1.0
    result = check(BY_NAME["sync_offset"], kinds["SyncsAfterTheFirstStep"])
    assert result.where is not None and result.where.endswith("(it syncs after steps 1, 1 + k, ...)")
    result = check(BY_NAME["reset"], kinds["Throws"])
    assert result.status == "throws" and result.note is not None and result.note.startswith("ValueError")


class WithoutAnything(Textbook):
    """What is left where nothing is offered."""

    def make(self, setting: Setting, weights: Weights) -> None:
        if setting.policy != "maintain":
            raise NotOffered("no policies")
        super().make(setting, weights)

    slow = Adapter.slow
    save = Adapter.save
    load = Adapter.load
    add = Adapter.add
    end_cycle = Adapter.end_cycle


def test_what_is_not_offered_is_no_failure() -> None:
    statuses = {law.name: check(law, WithoutAnything).status for law in LAWS}
    assert [name for name, status in statuses.items() if status == "pass"] == [
        "trajectory", "scheduler", "frozen", "invalid",
    ]  # fmt: skip
    assert set(statuses.values()) == {"pass", "not offered"}


def test_float32_has_a_tolerance_of_its_own() -> None:
    class Coarse(Textbook):
        def fast(self) -> Weights:
            return {name: [x + 1e-6 for x in values] for name, values in super().fast().items()}

    class Allowed(Coarse):
        tolerance = 5e-5

    assert check(BY_NAME["trajectory"], Coarse).status == "deviates"
    assert check(BY_NAME["trajectory"], Allowed).status == "pass"
