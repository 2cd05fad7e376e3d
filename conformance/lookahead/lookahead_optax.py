"""Lookahead (Zhang, Lucas, Hinton, Ba 2019) for optax, around any optimizer, over plain parameters.

    optimizer = lookahead(optax.adamw(1e-3), k=5, alpha=0.5)
    state = optimizer.init(params)
    updates, state = optimizer.update(grads, state, params)
    params = optax.apply_updates(params, updates)
    validate(state.slow)        # the slow weights

All of it is in `state`, which is saved like any other. Keep it last in a chain: its updates are those to be applied.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

POLICIES = ("maintain", "reset", "interpolate")


class LookaheadState(NamedTuple):
    """`phase`: steps since the last sync; `anchor`: the inner state then; `refused`: whether a step was not finite."""

    inner: Any
    slow: Any
    anchor: Any
    phase: jax.Array
    refused: jax.Array


class Lookahead(NamedTuple):
    """An `optax.GradientTransformation` that can also end a partial cycle."""

    init: Any
    update: Any
    #: (state, params) -> (params, state); right after a sync it changes nothing
    sync_now: Any


def lookahead(
    inner: optax.GradientTransformation, k: int = 5, alpha: float = 0.5, policy: str = "maintain"
) -> Lookahead:
    """Algorithm 1: after each k-th step phi <- phi + alpha (theta - phi), and theta <- phi.

    `policy` says what a sync does to the inner state: "maintain" it, "reset" it (a schedule within it, too), or
    "interpolate" its floating-point arrays like the weights; counters stay.
    """
    if not isinstance(k, int) or k < 1:
        raise ValueError(f"k is {k}, but must be a whole number of at least 1")
    if not 0.0 < alpha <= 1.0:
        raise ValueError(f"alpha is {alpha}, but must be above 0 and at most 1")
    if policy not in POLICIES:
        raise ValueError(f"policy is {policy!r}, but must be one of {', '.join(POLICIES)}")

    def pulled_back(anchor: jax.Array, x: jax.Array) -> jax.Array:
        """In this form what has not moved keeps its bits."""
        return x if alpha == 1.0 else anchor - alpha * (anchor - x)

    def init(params: Any) -> LookaheadState:
        state = inner.init(params)
        anchor = state if policy == "interpolate" else None
        return LookaheadState(
            state, jax.tree.map(jnp.array, params), anchor, jnp.zeros([], jnp.int32), jnp.array(False)
        )

    def sync(state: LookaheadState, params: Any, updates: Any) -> tuple[Any, LookaheadState]:
        target = jax.tree.map(lambda phi, p, u: pulled_back(phi, p + u), state.slow, params, updates)
        target = jax.tree.map(lambda phi, new: jnp.where(jnp.isfinite(new), new, phi), state.slow, target)
        updates = jax.tree.map(jnp.subtract, target, params)
        slow = jax.tree.map(jnp.add, params, updates)  # what `apply_updates` will make of them, bit for bit
        fresh, moved = inner.init(slow), state.inner
        if policy == "interpolate":
            moved = jax.tree.map(
                lambda a, x: pulled_back(a, x) if jnp.issubdtype(x.dtype, jnp.floating) else x, state.anchor, moved
            )
        restart = jnp.array(policy == "reset") | state.refused
        moved = jax.tree.map(lambda new, old: jnp.where(restart, new, old), fresh, moved)
        anchor = moved if policy == "interpolate" else None
        return updates, LookaheadState(moved, slow, anchor, jnp.zeros_like(state.phase), jnp.zeros_like(state.refused))

    def update(grads: Any, state: LookaheadState, params: Any) -> tuple[Any, LookaheadState]:
        updates, after = inner.update(grads, state.inner, params)
        # an update cannot mend a NaN in the parameters: a step that is not finite is not taken
        finite = jax.tree.map(lambda p, u: jnp.isfinite(p + u), params, updates)
        updates = jax.tree.map(lambda ok, u: jnp.where(ok, u, jnp.zeros_like(u)), finite, updates)
        refused = state.refused | ~jnp.all(jnp.array([ok.all() for ok in jax.tree.leaves(finite)]))
        state = state._replace(inner=after, phase=state.phase + 1, refused=refused)
        return jax.lax.cond(
            state.phase == k, sync, lambda state, params, updates: (updates, state), state, params, updates
        )

    def sync_now(state: LookaheadState, params: Any) -> tuple[Any, LookaheadState]:
        still = jax.tree.map(jnp.zeros_like, params)
        updates, state = jax.lax.cond(
            state.phase > 0, sync, lambda state, params, updates: (updates, state), state, params, still
        )
        return optax.apply_updates(params, updates), state

    return Lookahead(init, update, sync_now)
