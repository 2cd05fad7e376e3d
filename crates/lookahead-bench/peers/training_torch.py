"""PyTorch's training steps on the networks of training_worker: the same layers, batch and SGD, the default settings.

It answers lines of text by lines of JSON: first, unasked, {"ready", "worker", "params"}; "run N" by the milliseconds of the
parts of each of N steps, {"forward", "backward", "optimizer", "loop"}, the loop being all the rest; "mem" by the bytes of
anonymous memory before the first step and at most since then; "quit" by leaving.
"""
import argparse
import json
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

CLASSES = 10


def convolution(incoming, outgoing, kernel, stride):
    layer = nn.Conv2d(incoming, outgoing, kernel, stride, kernel // 2, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(outgoing))


class Block(nn.Module):
    def __init__(self, incoming, outgoing, stride, pads):
        super().__init__()
        self.first = convolution(incoming, outgoing, 3, stride)
        self.second = convolution(outgoing, outgoing, 3, 1)
        self.stride, self.added, changes = stride, outgoing - incoming, stride > 1 or incoming != outgoing
        self.projection = convolution(incoming, outgoing, 1, stride) if changes and not pads else None

    def forward(self, x):
        y = self.second(F.relu(self.first(x)))
        if self.projection is not None:
            x = self.projection(x)
        elif self.stride > 1:
            x = F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.added))
        return F.relu(y + x)


def resnet(blocks, width, pads):
    layers, incoming = [convolution(3, width, 3, 1), nn.ReLU()], width
    for stage, count in enumerate(blocks):
        for block in range(count):
            outgoing = width * 2**stage
            layers.append(Block(incoming, outgoing, 2 if stage and not block else 1, pads))
            incoming = outgoing
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(incoming, CLASSES))


def cnn():
    layers, incoming = [], 1
    for outgoing in (32, 64, 128):
        layers += [nn.Conv2d(incoming, outgoing, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
        incoming = outgoing
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(9 * incoming, CLASSES))


NETWORKS = {
    "resnet20": (lambda: resnet([3, 3, 3], 16, pads=True), (3, 32, 32)),
    "resnet18": (lambda: resnet([2, 2, 2, 2], 64, pads=False), (3, 32, 32)),
    "cnn": (cnn, (1, 28, 28)),
}


def memory():
    """Bytes of anonymous memory: in use, and at most."""
    with open("/proc/self/status") as status:
        kilobytes = {line.split(":")[0]: int(line.split()[1]) for line in status if line.endswith("kB\n")}
    return kilobytes["RssAnon"] * 1024, (kilobytes["VmHWM"] - kilobytes["RssFile"] - kilobytes["RssShmem"]) * 1024


def say(**answer):
    print(json.dumps(answer), flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--network", choices=NETWORKS, required=True)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    make, shape = NETWORKS[options.network]
    network = make().train()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4, fused=True)
    pixels = torch.rand(options.batch, *shape) * 2 - 1
    classes = torch.arange(options.batch) % CLASSES
    base, _ = memory()
    with open("/proc/self/clear_refs", "w") as refs:
        refs.write("5")

    def step():
        times = [time.perf_counter()]
        images, labels = pixels.clone(), classes.clone()
        optimizer.zero_grad()
        times.append(time.perf_counter())
        loss = F.cross_entropy(network(images), labels)
        loss.item()
        times.append(time.perf_counter())
        loss.backward()
        times.append(time.perf_counter())
        optimizer.step()
        times.append(time.perf_counter())
        return [1e3 * (later - earlier) for earlier, later in zip(times, times[1:])]

    say(ready=True, worker="torch", params=sum(p.numel() for p in network.parameters()))
    for line in sys.stdin:
        match line.split():
            case ["run", count]:
                rest, forward, backward, update = zip(*(step() for _ in range(int(count))))
                say(forward=forward, backward=backward, optimizer=update, loop=rest)
            case ["mem"]:
                say(base=base, peak=memory()[1])
            case ["quit"]:
                return


main()
