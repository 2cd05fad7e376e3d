"""What all optax optimizers share: in float64 on the CPU, with optax's own inner optimizers and schedules."""

from __future__ import annotations

import pickle
from typing import Any

import jax
import jax.numpy as jnp
import optax

from lookahead_conformance.adapter import Adapter, Grads, NotOffered
from lookahead_conformance.setting import Setting, Weights

jax.config.update("jax_enable_x64", True)


def inner_optimizer(setting: Setting) -> optax.GradientTransformation:
    """optax's optimizer of a rule, with the learning rate as a schedule where it changes."""
    rule, rate = setting.rule, learning_rate(setting)
    if rule.kind == "sgd":
        if rule.dampening:
            raise NotOffered("optax's SGD has no dampening")
        sgd = optax.sgd(rate, momentum=rule.momentum or None, nesterov=rule.nesterov)
        return optax.chain(optax.add_decayed_weights(rule.weight_decay), sgd) if rule.weight_decay else sgd
    adam = {"b1": rule.beta1, "b2": rule.beta2, "eps": rule.epsilon}
    if rule.kind == "adamw":
        return optax.adamw(rate, **adam, weight_decay=rule.weight_decay)
    return optax.adam(rate, **adam)


def learning_rate(setting: Setting) -> Any:
    """A number, or optax's schedule of the step, counted from 0."""
    if setting.lr_factors is None:
        return setting.rule.lr
    rates = jnp.array([setting.lr(t) for t in range(1, len(setting.lr_factors) + 1)])
    return lambda count: rates[jnp.minimum(count, len(rates) - 1)]


class JaxAdapter(Adapter):
    """Needs `transformation`; `params` holds what the transformation takes for parameters."""

    params: Any
    state: Any

    def transformation(self, setting: Setting) -> Any:
        """The whole optimizer. Raises `NotOffered` for what it has not."""
        raise NotImplementedError

    def begin(self, weights: Any) -> Any:
        """The parameters that the transformation takes."""
        return weights

    def make(self, setting: Setting, weights: Weights, frozen: frozenset[str] = frozenset()) -> None:
        if setting.outer is not None:
            raise NotOffered("it has no outer step with momentum")
        self.setting, self.frozen, self.steps = setting, frozen, 0
        self.optimizer = self.transformation(setting)
        self.params = self.begin({name: jnp.array(values, dtype=jnp.float64) for name, values in weights.items()})
        self.state = self.optimizer.init(self.params)

        def step(grads: Any, state: Any, params: Any) -> tuple[Any, Any]:
            updates, state = self.optimizer.update(grads, state, params)
            return optax.apply_updates(params, updates), state

        self.compiled = jax.jit(step)

    def step(self, grads: Grads) -> None:
        """Where a tensor has no gradient optax is given zeros: it knows no missing ones."""
        self.steps += 1
        fast = self.fast()
        full = {name: jnp.array(grads.get(name) or [0.0] * len(values)) for name, values in fast.items()}
        self.params, self.state = self.compiled(full, self.state, self.params)

    def fast(self) -> Weights:
        return listed(self.params)

    def freeze(self, name: str) -> None:
        """By optax's own masks around the inner optimizer, which has to be made anew for them."""
        if self.steps:
            raise NotOffered("parameters can be frozen from the beginning only")
        self.make(self.setting, self.fast(), self.frozen | {name})

    def inner(self, setting: Setting) -> optax.GradientTransformation:
        """optax's optimizer of a rule, for the parameters that are not frozen."""
        inner = inner_optimizer(setting)
        if not self.frozen:
            return inner
        parts = {"trained": inner, "frozen": optax.set_to_zero()}
        return optax.multi_transform(parts, lambda tree: {n: "frozen" if n in self.frozen else "trained" for n in tree})

    def save(self) -> bytes:
        return pickle.dumps(jax.device_get((self.params, self.state)))

    def load(self, saved: bytes) -> None:
        self.params, self.state = jax.tree.map(jnp.asarray, pickle.loads(saved))


def listed(tree: Any) -> Weights:
    """Arrays by name, as lists."""
    return {name: [float(x) for x in values] for name, values in jax.device_get(tree).items()}
