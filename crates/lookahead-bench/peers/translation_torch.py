"""PyTorch's Transformer beside training_worker and decoding_worker: the same layers, sizes, batch, SGD and search.

With --beam it translates: encoder once, decoder a subword at a time with a cache of keys and values, always to the greatest
length, which ours nearly always reaches with initial weights, too; "run N" is answered by {"ms"} of N times. Else it trains.
"""
import math
import time

import torch
from torch import nn
from torch.nn import functional as F

import worker

VOCABULARY, LENGTH, END, PADDING = 3000, 25, 2, 0
SIZES = {"transformer": (2, 128, 4, 512), "transformer_middle": (3, 256, 4, 1024), "transformer_base": (6, 512, 8, 2048)}
DROPOUT, SMOOTHING = 0.1, 0.1


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.query, self.key_value = nn.Linear(width, width), nn.Linear(width, 2 * width)
        self.output, self.heads = nn.Linear(width, width), heads

    def split(self, x):
        return x.unflatten(2, (self.heads, -1)).transpose(1, 2)

    def project(self, x):
        return [self.split(part) for part in self.key_value(x).chunk(2, dim=2)]

    def forward(self, x, key_value, **mask):
        attended = F.scaled_dot_product_attention(self.split(self.query(x)), *key_value, **mask)
        return self.output(attended.transpose(1, 2).flatten(2))


class Layer(nn.Module):
    def __init__(self, width, heads, inner, has_source):
        super().__init__()
        self.attention, self.norm = Attention(width, heads), nn.LayerNorm(width)
        if has_source:
            self.cross, self.cross_norm = Attention(width, heads), nn.LayerNorm(width)
        self.inner, self.outer, self.last_norm = nn.Linear(width, inner), nn.Linear(inner, width), nn.LayerNorm(width)

    def add(self, x, sublayer):
        return x + F.dropout(sublayer, DROPOUT, self.training)

    def forward(self, x, key_value, source=None, source_mask=None, **mask):
        x = self.norm(self.add(x, self.attention(x, key_value, **mask)))
        if source is not None:
            x = self.cross_norm(self.add(x, self.cross(x, source, attn_mask=source_mask)))
        return self.last_norm(self.add(x, self.outer(F.relu(self.inner(x)))))


class Transformer(nn.Module):
    def __init__(self, layers, width, heads, inner):
        super().__init__()
        self.embedding = nn.Parameter(torch.randn(VOCABULARY, width) / math.sqrt(width))
        self.encoder = nn.ModuleList(Layer(width, heads, inner, False) for _ in range(layers))
        self.decoder = nn.ModuleList(Layer(width, heads, inner, True) for _ in range(layers))
        angle = torch.arange(2 * LENGTH)[:, None] / 10000 ** (torch.arange(0, width, 2) / width)
        self.positions = torch.stack([angle.sin(), angle.cos()], dim=2).flatten(1)

    def embed(self, subwords, first=0):
        positions = self.positions[first : first + subwords.shape[1]]
        x = F.embedding(subwords, self.embedding) * math.sqrt(self.embedding.shape[1]) + positions
        return F.dropout(x, DROPOUT, self.training)

    def encode(self, source):
        mask = (source != PADDING)[:, None, None, :]
        x = self.embed(source)
        for layer in self.encoder:
            x = layer(x, layer.attention.project(x), attn_mask=mask)
        return x, mask

    def forward(self, source, target):
        encoded, mask = self.encode(source)
        x = self.embed(target)
        for layer in self.decoder:
            x = layer(x, layer.attention.project(x), layer.cross.project(encoded), mask, is_causal=True)
        return x @ self.embedding.T


def sentences(count, first):
    index = torch.arange(first * LENGTH, (first + count) * LENGTH).reshape(count, LENGTH)[:, 1:]
    return 4 + (index * 2654435761 & 0xFFFFFFFF) % (VOCABULARY - 4)


def with_mark(subwords, mark, at_end):
    marks = torch.full((len(subwords), 1), mark)
    return torch.cat([subwords, marks] if at_end else [marks, subwords], dim=1)


@torch.inference_mode()
def search(model, source, beam):
    count, longest = len(source), source.shape[1] + 1
    encoded, _ = model.encode(with_mark(source, END, True))
    sources = [[part.repeat_interleave(beam, 0) for part in layer.cross.project(encoded)] for layer in model.decoder]
    caches, before = [None] * len(model.decoder), torch.zeros(count * beam, 0, dtype=torch.long)
    likely = torch.full((count, beam), -math.inf)
    likely[:, 0] = 0
    last = torch.ones(count * beam, 1, dtype=torch.long)
    finished = torch.full((count,), -math.inf)
    for position in range(longest + 1):
        x = model.embed(last, position)
        for number, layer in enumerate(model.decoder):
            key_value = layer.attention.project(x)
            if caches[number] is not None:
                key_value = [torch.cat(parts, 2) for parts in zip(caches[number], key_value)]
            caches[number] = key_value
            x = layer(x, key_value, sources[number])
        next_likely = F.log_softmax(x[:, 0] @ model.embedding.T, 1).view(count, beam, -1) + likely[:, :, None]
        ended = next_likely[:, :, END].amax(1) / ((6 + position) / 6) ** 0.6
        finished = torch.maximum(finished, ended)
        next_likely[:, :, END] = -math.inf
        likely, best = next_likely.flatten(1).topk(beam)
        rows = (torch.arange(count)[:, None] * beam + best // VOCABULARY).flatten()
        last = (best % VOCABULARY).view(-1, 1)
        before = torch.cat([before[rows], last], 1)
        if beam > 1:
            caches = [[part[rows] for part in cache] for cache in caches]
    return before


def trainer(model, batch):
    count = max(batch // LENGTH, 1)

    def examples():
        target = sentences(count, count)
        source, expected = with_mark(sentences(count, 0), END, True), with_mark(target, END, True)
        return source, with_mark(target, 1, False), expected

    def loss(source, target, expected):
        scores = model(source, target).flatten(0, 1)
        return F.cross_entropy(scores, expected.flatten(), ignore_index=PADDING, label_smoothing=SMOOTHING)

    return worker.trainer(model, examples, loss)


def translator(model, batch, beam):
    source = sentences(batch, 0)
    model.eval()

    def once():
        start = time.perf_counter()
        search(model, source, beam)
        return 1e3 * (time.perf_counter() - start)

    return lambda count: dict(ms=[once() for _ in range(count)])


def main():
    options = worker.options(SIZES, batch=2000, beam=None)
    model = Transformer(*SIZES[options.network]).train()
    run = translator(model, options.batch, options.beam) if options.beam else trainer(model, options.batch)
    worker.serve(model, run)


main()
