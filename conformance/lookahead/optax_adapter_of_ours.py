"""The adapter of `lookahead_optax.py`: `lookahead-conformance conformance/lookahead/optax_adapter_of_ours.py`."""

from __future__ import annotations

from lookahead_conformance.jax_adapter import JaxAdapter, listed
from lookahead_conformance.setting import Setting, Weights
from lookahead_optax import Lookahead, lookahead


class Ours(JaxAdapter):
    """The slow weights are part of the state."""

    name = "lookahead_optax.py"

    def transformation(self, setting: Setting) -> Lookahead:
        return lookahead(self.inner(setting), setting.k, setting.alpha, setting.policy)

    def slow(self) -> Weights:
        return listed(self.state.slow)

    def end_cycle(self) -> None:
        self.params, self.state = self.optimizer.sync_now(self.state, self.params)
