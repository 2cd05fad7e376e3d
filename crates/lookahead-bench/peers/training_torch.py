"""PyTorch's training steps on the networks of training_worker: the same layers, batch and SGD, the default settings."""
import torch
from torch import nn
from torch.nn import functional as F

import worker

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
    "resnet8_4": (lambda: resnet([1, 1, 1], 4, pads=True), (3, 32, 32)),
    "resnet8_8": (lambda: resnet([1, 1, 1], 8, pads=True), (3, 32, 32)),
    "resnet8_16": (lambda: resnet([1, 1, 1], 16, pads=True), (3, 32, 32)),
    "resnet18": (lambda: resnet([2, 2, 2, 2], 64, pads=False), (3, 32, 32)),
    "cnn": (cnn, (1, 28, 28)),
}


def main():
    options = worker.options(NETWORKS, batch=128)
    make, shape = NETWORKS[options.network]
    layout = torch.channels_last if options.channels_last else torch.contiguous_format
    network = make().train().to(memory_format=layout)
    pixels = (torch.rand(options.batch, *shape) * 2 - 1).to(memory_format=layout)
    classes = torch.arange(options.batch) % CLASSES
    batch = lambda: (pixels.clone(), classes.clone())
    loss = lambda images, labels: F.cross_entropy(network(images), labels)
    worker.serve(network, worker.trainer(network, batch, loss))


main()
