"""optax's optimizers, compiled, alone (inner) and under optax.lookahead (la_optax)."""
import os

import protocol

options = protocol.arguments(["inner", "la_optax"])
os.environ["JAX_PLATFORMS"] = "cpu"

import jax
import jax.numpy as jnp
import numpy as np
import optax

gradients = [jnp.array(g) for g in protocol.tensors(options.shapes, "gradient")]


class Variant:
    def __init__(self, name):
        if options.inner == "sgdm":
            optimizer = optax.chain(optax.add_decayed_weights(5e-4), optax.sgd(1e-3, momentum=0.9))
        else:
            optimizer = optax.adamw(1e-4, weight_decay=1e-2)
        fresh = lambda: [jnp.array(w) for w in protocol.tensors(options.shapes, "weights")]
        self.synced = name == "la_optax"
        if self.synced:
            optimizer = optax.lookahead(optimizer, options.k, options.alpha)
            self.params = optax.LookaheadParams(fast=fresh(), slow=fresh())
        else:
            self.params = fresh()
        self.state = optimizer.init(self.params)

        def update(params, state):
            updates, state = optimizer.update(gradients, state, params)
            return optax.apply_updates(params, updates), state

        self.update = jax.jit(update, donate_argnums=(0, 1))

    def step(self):
        self.params, self.state = self.update(self.params, self.state)
        jax.block_until_ready(self.params)

    def weights(self):
        return [np.asarray(w) for w in (self.params.fast if self.synced else self.params)]


variants = {name: Variant(name) for name in options.variants.split(",")}
protocol.serve("optax", variants, sum(g.size for g in gradients))
