"""The Lookahead for optax: every law that optax has a way for, compiled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("jax")
pytest.importorskip("optax")

import jax
import optax

from lookahead_conformance.laws import LAWS, Law, check
from lookahead_optax import lookahead
from optax_adapter_of_ours import Ours

SOURCE = Path(__file__).parents[1] / "lookahead/lookahead_optax.py"


def test_it_is_short() -> None:
    assert len(SOURCE.read_text().splitlines()) < 150


@pytest.mark.parametrize("law", [law for law in LAWS if "lookahead" in law.methods], ids=lambda law: law.name)
def test_it_passes(law: Law) -> None:
    result = check(law, Ours)
    wanted = "not offered" if result.law == "late_parameters" else "pass"
    assert result.status == wanted, result


def test_it_is_the_last_of_a_chain_and_runs_in_a_scan() -> None:
    """Clipped, in float32, compiled as one loop: after 10 steps of k = 5 the parameters are the slow weights."""
    optimizer = optax.chain(optax.clip(0.5), lookahead(optax.adamw(0.01), k=5))
    params = {"w": jax.numpy.arange(6, dtype=jax.numpy.float32), "b": jax.numpy.float32(2.0)}

    def step(carry: Any, _: None) -> tuple[Any, None]:
        params, state = carry
        grads = jax.grad(lambda p: (p["w"] ** 2).sum() + p["b"] ** 2)(params)
        updates, state = optimizer.update(grads, state, params)
        return (optax.apply_updates(params, updates), state), None

    (trained, state), _ = jax.jit(lambda carry: jax.lax.scan(step, carry, length=10))((params, optimizer.init(params)))
    slow = state[1].slow
    assert all(bool((trained[name] == slow[name]).all()) for name in trained)
    assert not any(bool((trained[name] == params[name]).all()) for name in trained)


def test_sync_now_right_after_a_sync_changes_nothing() -> None:
    optimizer = lookahead(optax.sgd(0.1), k=2)
    params = {"w": jax.numpy.ones(3)}
    state = optimizer.init(params)
    for _ in range(2):
        updates, state = optimizer.update(params, state, params)
        params = optax.apply_updates(params, updates)
    again, after = optimizer.sync_now(state, params)
    assert (again["w"] == params["w"]).all() and jax.tree.all(jax.tree.map(lambda a, b: (a == b).all(), after, state))
