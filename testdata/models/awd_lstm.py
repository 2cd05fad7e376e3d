"""What a small AWD-LSTM computes, made without the Rust code: torch.nn.LSTM with weights made by a formula.

    python testdata/models/awd_lstm.py

It needs only torch and writes awd_lstm.toml beside itself, computed in float64. The weights have the names and the shapes
of the Rust module ([inputs, outputs]), and are made one after the other in the order of their names by the formula of
README.md: vectors are u / 4, and matrices u * sqrt(3 / rows). There is no dropout. The state after the first words stands
before the second ones, and no gradient flows through it.
"""

import math
from pathlib import Path

import torch
from torch import nn
from torch.func import functional_call
from torch.nn import functional as F

VOCABULARY, WIDTH, HIDDEN, LAYERS = 7, 4, 5, 3
FIRST, SECOND, NEXT = [[1, 2], [3, 4], [5, 6]], [[0, 3], [2, 2], [6, 1], [4, 5]], [[2, 2], [6, 1], [4, 5], [3, 0]]
AR, TAR = 2.0, 1.0


def uniform(index):
    h = (index + 1) * 0x9E3779B1 & 0xFFFFFFFF
    h = (h ^ h >> 15) * 0x85EBCA77 & 0xFFFFFFFF
    return (h ^ h >> 13) / 2**31 - 1


def extents(layer):
    return WIDTH if layer == 0 else HIDDEN, WIDTH if layer == LAYERS - 1 else HIDDEN


def shapes():
    names = {"embedding": (VOCABULARY, WIDTH), "bias": (VOCABULARY,)}
    for layer in range(LAYERS):
        incoming, width = extents(layer)
        names |= {f"layers.{layer}.input": (incoming, 4 * width), f"layers.{layer}.recurrent": (width, 4 * width)}
        names |= {f"layers.{layer}.input_bias": (4 * width,), f"layers.{layer}.recurrent_bias": (4 * width,)}
    return names


def formula():
    start, weights = 0, {}
    for name, shape in sorted(shapes().items()):
        count = math.prod(shape)
        u = torch.tensor([uniform(i) for i in range(start, start + count)], dtype=torch.float64).reshape(shape)
        # The Rust program holds them in float32.
        weights[name] = (u / 4 if len(shape) == 1 else u * math.sqrt(3 / shape[0])).float().double().requires_grad_()
        start += count
    return weights


def forward(weights, words, states):
    x, after = weights["embedding"][torch.tensor(words)], []
    for layer, state in enumerate(states):
        parts = {"weight_ih_l0": "input", "weight_hh_l0": "recurrent", "bias_ih_l0": "input_bias"}
        parts |= {"bias_hh_l0": "recurrent_bias"}
        given = {theirs: weights[f"layers.{layer}.{ours}"].t() for theirs, ours in parts.items()}
        module = nn.LSTM(*extents(layer), dtype=torch.float64)
        x, state = functional_call(module, given, (x, state))
        after.append(tuple(tensor.detach() for tensor in state))
    return x @ weights["embedding"].T + weights["bias"], x, after


def numbers(tensor):
    return "[" + ", ".join(f"{number:.9e}" for number in tensor.detach().flatten().tolist()) + "]"


weights = formula()
first, _, states = forward(weights, FIRST, [None] * LAYERS)
second, raw, after = forward(weights, SECOND, states)
cross_entropy = F.cross_entropy(second.flatten(0, 1), torch.tensor(NEXT).flatten())
loss = cross_entropy + AR * raw.square().mean() + TAR * (raw[1:] - raw[:-1]).square().mean()
loss.backward()
lines = [
    "# Made by awd_lstm.py, which describes it, with PyTorch " + torch.__version__ + ".",
    f"first_scores = {numbers(first)}",
    f"second_scores = {numbers(second)}",
    f"cross_entropy = {cross_entropy.item():.12e}",
    f"loss = {loss.item():.12e}",
    "",
    "[state]",
]
lines += [f'"layer.{n}.{name}" = {numbers(x)}' for n, layer in enumerate(after) for name, x in zip("hc", layer)]
lines += ["", "[gradients]"]
lines += [f'"{name}" = {numbers(weight.grad)}' for name, weight in sorted(weights.items())]
Path(__file__).with_suffix(".toml").write_text("\n".join(lines) + "\n")
