"""optax's lookahead and its Schedule-Free."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import optax
from optax import contrib

from lookahead_conformance.adapter import NotOffered
from lookahead_conformance.jax_adapter import JaxAdapter, learning_rate, listed
from lookahead_conformance.setting import Setting, Weights


class Optax(JaxAdapter):
    """The parameters are the pair of fast and slow weights, so that these are saved with them and need no swap."""

    name = "optax.lookahead"
    package = "optax"

    def transformation(self, setting: Setting) -> Any:
        if setting.policy == "interpolate":
            raise NotOffered("it can keep or reset the inner state")
        return optax.lookahead(self.inner(setting), setting.k, setting.alpha, reset_state=setting.policy == "reset")

    def begin(self, weights: Any) -> Any:
        return optax.LookaheadParams.init_synced(weights)

    def fast(self) -> Weights:
        return listed(self.params.fast)

    def slow(self) -> Weights:
        return listed(self.params.slow)


class OptaxScheduleFree(JaxAdapter):
    """Around SGD, and around AdamW without momentum."""

    name = "optax.contrib.schedule_free"
    package = "optax"
    method = "schedule_free"

    def transformation(self, setting: Setting) -> Any:
        decayed = replace(setting, rule=replace(setting.rule, weight_decay=setting.weight_decay_at_y))
        return contrib.schedule_free(self.inner(decayed), learning_rate(setting), b1=setting.beta)

    def slow(self) -> Weights:
        return listed(contrib.schedule_free_eval_params(self.state, self.params))
