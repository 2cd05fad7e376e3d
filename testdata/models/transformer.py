"""What a small Transformer computes, made without the Rust code: torch.nn's layers with weights made by a formula.

    python testdata/models/transformer.py

It needs only torch and writes transformer.toml beside itself, computed in float64. The weights have the names and the
shapes of the Rust module ([inputs, outputs]), and are made one after the other in the order of their names by the
formula of README.md: gains are 1 + u / 2, biases u / 4, and matrices u * sqrt(3 / rows).
"""

import math
from pathlib import Path

import torch
from torch import nn
from torch.func import functional_call
from torch.nn import functional as F

VOCABULARY, WIDTH, HEADS, INNER, LAYERS = 11, 8, 2, 12, 2
PADDING, BEGIN, END = 0, 1, 2
SOURCES, TARGETS = [[5, 6, 7], [8, 4, 9, 10, 3]], [[9, 5], [10, 4, 6, 3]]


def uniform(index):
    h = (index + 1) * 0x9E3779B1 & 0xFFFFFFFF
    h = (h ^ h >> 15) * 0x85EBCA77 & 0xFFFFFFFF
    return (h ^ h >> 13) / 2**31 - 1


def shapes():
    def linear(name, inputs, outputs):
        return {f"{name}.weight": (inputs, outputs), f"{name}.bias": (outputs,)}

    def sublayer(name, linears):
        norm = {f"{name}_residual.gamma": (WIDTH,), f"{name}_residual.beta": (WIDTH,)}
        return norm | {k: v for part, *size in linears for k, v in linear(f"{name}.{part}", *size).items()}

    attention = [("query", WIDTH, WIDTH), ("key_value", WIDTH, 2 * WIDTH), ("output", WIDTH, WIDTH)]
    feed_forward = [("inner", WIDTH, INNER), ("outer", INNER, WIDTH)]
    names = {"embedding": (VOCABULARY, WIDTH)}
    for layer in range(LAYERS):
        names |= sublayer(f"encoder.{layer}.attention", attention)
        names |= sublayer(f"encoder.{layer}.feed_forward", feed_forward)
        names |= sublayer(f"decoder.{layer}.attention", attention)
        names |= sublayer(f"decoder.{layer}.cross_attention", attention)
        names |= sublayer(f"decoder.{layer}.feed_forward", feed_forward)
    return names


def formula():
    start, weights = 0, {}
    for name, shape in sorted(shapes().items()):
        count = math.prod(shape)
        u = torch.tensor([uniform(i) for i in range(start, start + count)], dtype=torch.float64).reshape(shape)
        scaled = 1 + u / 2 if name.endswith("gamma") else u / 4 if len(shape) == 1 else u * math.sqrt(3 / shape[0])
        # The Rust program holds them in float32.
        weights[name] = scaled.float().double().requires_grad_()
        start += count
    return weights


def pytorch_layer(weights, name, has_source):
    def take(part):
        return {"weight": weights[f"{name}.{part}.weight"].T, "bias": weights[f"{name}.{part}.bias"]}

    def attention(part):
        query, key_value, output = (take(f"{part}.{linear}") for linear in ["query", "key_value", "output"])
        joined = {f"in_proj_{key}": torch.cat([query[key], key_value[key]]) for key in query}
        return joined | {f"out_proj.{key}": value for key, value in output.items()}

    def norm(part):
        parts = {"weight": "gamma", "bias": "beta"}
        return {ours: weights[f"{name}.{part}_residual.{theirs}"] for ours, theirs in parts.items()}

    parts = {"self_attn": attention("attention")}
    sublayers = ["attention", "feed_forward"]
    if has_source:
        parts["multihead_attn"] = attention("cross_attention")
        sublayers.insert(1, "cross_attention")
    parts |= {"linear1": take("feed_forward.inner"), "linear2": take("feed_forward.outer")}
    parts |= {f"norm{number}": norm(sublayer) for number, sublayer in enumerate(sublayers, 1)}
    return {f"{part}.{key}": value for part, values in parts.items() for key, value in values.items()}


def padded(sequences):
    longest = max(map(len, sequences))
    return torch.tensor([sequence + [PADDING] * (longest - len(sequence)) for sequence in sequences])


def forward(weights, source, target):
    def embed(subwords):
        position = torch.arange(subwords.shape[1], dtype=torch.float64)[:, None]
        angle = position / 10000 ** (torch.arange(0, WIDTH, 2, dtype=torch.float64) / WIDTH)
        positions = torch.stack([angle.sin(), angle.cos()], dim=2).flatten(1)
        return weights["embedding"][subwords] * math.sqrt(WIDTH) + positions

    arguments = dict(dropout=0.0, batch_first=True, dtype=torch.float64)
    padding = source == PADDING
    memory, x = embed(source), embed(target)
    for layer in range(LAYERS):
        module = nn.TransformerEncoderLayer(WIDTH, HEADS, INNER, **arguments)
        memory = functional_call(
            module, pytorch_layer(weights, f"encoder.{layer}", False), memory, dict(src_key_padding_mask=padding)
        )
    causal = torch.ones(target.shape[1], target.shape[1], dtype=torch.bool).triu(1)
    for layer in range(LAYERS):
        module = nn.TransformerDecoderLayer(WIDTH, HEADS, INNER, **arguments)
        masks = dict(tgt_mask=causal, memory_key_padding_mask=padding)
        x = functional_call(module, pytorch_layer(weights, f"decoder.{layer}", True), (x, memory), masks)
    return x @ weights["embedding"].T


def numbers(tensor):
    return "[" + ", ".join(f"{number:.9e}" for number in tensor.detach().flatten().tolist()) + "]"


weights = formula()
source = padded([sentence + [END] for sentence in SOURCES])
target = padded([[BEGIN] + sentence for sentence in TARGETS])
expected = padded([sentence + [END] for sentence in TARGETS])
scores = forward(weights, source, target)


def cross_entropy(smoothing):
    return F.cross_entropy(scores.flatten(0, 1), expected.flatten(), ignore_index=PADDING, label_smoothing=smoothing)


loss = cross_entropy(0.1)
loss.backward()
lines = [
    "# Made by transformer.py, which describes it, with PyTorch " + torch.__version__ + ".",
    f"scores_1 = {numbers(scores[0, : len(TARGETS[0]) + 1])}",
    f"scores_2 = {numbers(scores[1])}",
    f"loss = {cross_entropy(0.0).item():.12e}",
    f"smoothed_loss = {loss.item():.12e}",
    "",
    "[gradients]",
]
lines += [f'"{name}" = {numbers(weight.grad)}' for name, weight in sorted(weights.items())]
Path(__file__).with_suffix(".toml").write_text("\n".join(lines) + "\n")
