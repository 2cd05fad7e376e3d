"""PyTorch's LSTM beside training_worker's language models: the same layers, sizes, dropouts, batch and SGD.

It speaks as training_torch.py does: "run N" is answered by {"forward", "backward", "optimizer", "loop"}.
"""
import argparse
import json
import sys
import time

import torch
from torch import nn
from torch.func import functional_call
from torch.nn import functional as F

VOCABULARY, STEPS = 10_000, 35
# Of each layer: incoming and outgoing width.
LAYERS = {"lstm": [(200, 200), (200, 200)], "awd_lstm": [(400, 1150), (1150, 1150), (1150, 400)]}
# The probabilities of dropout: recurrent weights, words, input, between layers, output.
DROPOUTS = {"lstm": (0, 0, 0, 0, 0), "awd_lstm": (0.5, 0.1, 0.65, 0.3, 0.4)}


def drop_alike(x, p):
    """One mask for all steps of [steps, batch, width]."""
    return x * F.dropout(torch.ones(1, *x.shape[1:]), p) if p else x


class Language(nn.Module):
    def __init__(self, layers, dropouts):
        super().__init__()
        self.embedding = nn.Parameter(torch.empty(VOCABULARY, layers[0][0]).uniform_(-0.1, 0.1))
        self.bias = nn.Parameter(torch.zeros(VOCABULARY))
        self.layers = nn.ModuleList(nn.LSTM(incoming, outgoing) for incoming, outgoing in layers)
        self.dropouts = dropouts

    def forward(self, words, states):
        weights, whole_words, first, between, last = self.dropouts
        x = F.embedding(words, self.embedding)
        if whole_words:
            x = x * F.embedding(words, F.dropout(torch.ones(VOCABULARY, 1), whole_words))
        after = []
        for number, (layer, state) in enumerate(zip(self.layers, states)):
            x = drop_alike(x, between if number else first)
            if weights:
                dropped = {"weight_hh_l0": F.dropout(layer.weight_hh_l0, weights)}
                x, state = functional_call(layer, dropped, (x, state))
            else:
                x, state = layer(x, state)
            after.append(tuple(part.detach() for part in state))
        return drop_alike(x, last).flatten(0, 1) @ self.embedding.T + self.bias, after


def say(**answer):
    print(json.dumps(answer), flush=True)


def memory():
    """Bytes of anonymous memory: in use, and at most."""
    with open("/proc/self/status") as status:
        kilobytes = {line.split(":")[0]: int(line.split()[1]) for line in status if line.endswith("kB\n")}
    return kilobytes["RssAnon"] * 1024, (kilobytes["VmHWM"] - kilobytes["RssFile"] - kilobytes["RssShmem"]) * 1024


def trainer(model, batch):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4, fused=True)
    rows = max(batch // STEPS, 1)
    states = [None] * len(model.layers)

    def words(first):
        return (torch.arange(first, first + STEPS * rows) * 2654435761 & 0xFFFFFFFF) % VOCABULARY

    def step():
        nonlocal states
        times = [time.perf_counter()]
        inputs, targets = words(0).view(STEPS, rows), words(rows)
        optimizer.zero_grad()
        times.append(time.perf_counter())
        scores, states = model(inputs, states)
        loss = F.cross_entropy(scores, targets)
        loss.item()
        times.append(time.perf_counter())
        loss.backward()
        times.append(time.perf_counter())
        optimizer.step()
        times.append(time.perf_counter())
        return [1e3 * (later - earlier) for earlier, later in zip(times, times[1:])]

    def run(count):
        rest, forward, backward, update = zip(*(step() for _ in range(count)))
        return dict(forward=forward, backward=backward, optimizer=update, loop=rest)

    return run


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--network", choices=LAYERS, required=True)
    parser.add_argument("--batch", type=int, default=2800)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    model = Language(LAYERS[options.network], DROPOUTS[options.network]).train()
    run = trainer(model, options.batch)
    base, _ = memory()
    with open("/proc/self/clear_refs", "w") as refs:
        refs.write("5")
    say(ready=True, worker="torch", params=sum(p.numel() for p in model.parameters()))
    for line in sys.stdin:
        match line.split():
            case ["run", count]:
                say(**run(int(count)))
            case ["mem"]:
                say(base=base, peak=memory()[1])
            case ["quit"]:
                return


main()
