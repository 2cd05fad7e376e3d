"""PyTorch's LSTM beside training_worker's language models: the same layers, sizes, dropouts, batch and SGD."""
import torch
from torch import nn
from torch.func import functional_call
from torch.nn import functional as F

import worker

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


def main():
    options = worker.options(LAYERS, batch=2800)
    rows = max(options.batch // STEPS, 1)
    model = Language(LAYERS[options.network], DROPOUTS[options.network]).train()
    states = [None] * len(model.layers)

    def words(first):
        return (torch.arange(first, first + STEPS * rows) * 2654435761 & 0xFFFFFFFF) % VOCABULARY

    def loss(inputs, targets):
        nonlocal states
        scores, states = model(inputs, states)
        return F.cross_entropy(scores, targets)

    batch = lambda: (words(0).view(STEPS, rows), words(rows))
    worker.serve(model, worker.trainer(model, batch, loss))


main()
