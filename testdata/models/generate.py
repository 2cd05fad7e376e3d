"""What the residual networks compute, made without the Rust code: torch.nn modules with weights made by a formula.

    python testdata/models/generate.py

It needs only torch and writes one TOML file per network beside itself, all in float64; README.md there describes the
weights and the format. Where torchvision is installed too, the program stops if its networks differ from these.
"""

import math
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F


class Padding(nn.Module):
    """The shortcut without parameters: every second pixel, zeros as further channels (He et al. 2016, option A)."""

    def __init__(self, stride, added):
        super().__init__()
        self.stride, self.added = stride, added

    def forward(self, x):
        return F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.added))


def projection(incoming, outgoing, stride):
    return nn.Sequential(nn.Conv2d(incoming, outgoing, 1, stride, bias=False), nn.BatchNorm2d(outgoing))


class Block(nn.Module):
    """Convolutions with batch norm and ReLU between them, around them a shortcut, then ReLU."""

    def __init__(self, convolutions, stride, pads):
        super().__init__()
        self.count = len(convolutions)
        for number, (incoming, outgoing, kernel, its_stride) in enumerate(convolutions, 1):
            convolution = nn.Conv2d(incoming, outgoing, kernel, its_stride, kernel // 2, bias=False)
            setattr(self, f"conv{number}", convolution)
            setattr(self, f"bn{number}", nn.BatchNorm2d(outgoing))
        incoming, outgoing = convolutions[0][0], convolutions[-1][1]
        self.downsample = nn.Identity()
        if stride != 1 or incoming != outgoing:
            shortcut = Padding(stride, outgoing - incoming) if pads else projection(incoming, outgoing, stride)
            self.downsample = shortcut

    def forward(self, x):
        y = x
        for number in range(1, self.count + 1):
            y = getattr(self, f"bn{number}")(getattr(self, f"conv{number}")(y))
            if number < self.count:
                y = F.relu(y)
        return F.relu(y + self.downsample(x))


class ResNet(nn.Module):
    def __init__(self, blocks, width, classes, stem, bottleneck, pads):
        super().__init__()
        kernel, stride = (7, 2) if stem == "imagenet" else (3, 1)
        self.conv1 = nn.Conv2d(3, width, kernel, stride, kernel // 2, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.maxpool = nn.MaxPool2d(3, 2, 1) if stem == "imagenet" else nn.Identity()
        incoming = width
        self.stages = len(blocks)
        for stage, count in enumerate(blocks):
            inner, stage_blocks = width * 2**stage, []
            for block in range(count):
                stride = 2 if stage > 0 and block == 0 else 1
                if bottleneck:
                    shapes = [(incoming, inner, 1, 1), (inner, inner, 3, stride), (inner, 4 * inner, 1, 1)]
                else:
                    shapes = [(incoming, inner, 3, stride), (inner, inner, 3, 1)]
                stage_blocks.append(Block(shapes, stride, pads))
                incoming = shapes[-1][1]
            setattr(self, f"layer{stage + 1}", nn.Sequential(*stage_blocks))
        self.fc = nn.Linear(incoming, classes)

    def forward(self, x):
        x = self.maxpool(F.relu(self.bn1(self.conv1(x))))
        for stage in range(1, self.stages + 1):
            x = getattr(self, f"layer{stage}")(x)
        return self.fc(x.mean((2, 3)))


def uniform(start, count):
    """Numbers in [-1, 1) from 32-bit integers; products wrap around, their low 32 bits are right all the same."""
    h = torch.arange(start + 1, start + count + 1, dtype=torch.int64) * 0x9E3779B1 & 0xFFFFFFFF
    h = (h ^ (h >> 15)) * 0x85EBCA77 & 0xFFFFFFFF
    return (h ^ (h >> 13)).double() / 2**31 - 1


def fill(network):
    """Gives the network its weights, as float32 holds them; returns how many numbers were used."""
    start, state = 0, network.state_dict()
    for name in sorted(name for name in state if not name.endswith("num_batches_tracked")):
        tensor = state[name]
        u = uniform(start, tensor.numel()).view(tensor.shape)
        start += tensor.numel()
        if tensor.dim() > 1:
            value = u * math.sqrt(3 / tensor[0].numel())
        elif name.endswith("running_var"):
            value = 1 + u / 2
        elif name.endswith("weight"):
            # Small, for larger ones make the gradients of a deep network at random weights chaotic: in float32 PyTorch
            # itself would be off by 10 % at 152 layers.
            value = (1 + u / 2) / 10
        else:
            value = u / 4
        tensor.copy_(value.float().double())
    return start


def numbers(tensor):
    return "[" + ", ".join(repr(float(x)) for x in tensor.detach().flatten()) + "]"


def examples(start, size, count):
    shape = (count, 3, size, size)
    return uniform(start, math.prod(shape)).view(shape).float().double()


# Channels, blocks and image of each: narrow, so that their files are small.
NARROW = {
    "resnet20": dict(blocks=[3, 3, 3], width=4, stem="small", bottleneck=False, pads=True, size=16, batch=4),
    "resnet18": dict(blocks=[2, 2, 2, 2], width=3, stem="small", bottleneck=False, pads=False, size=16, batch=4),
    "resnet50": dict(blocks=[3, 4, 6, 3], width=2, stem="imagenet", bottleneck=True, pads=False, size=64, batch=6),
    "resnet152": dict(blocks=[3, 8, 36, 3], width=2, stem="imagenet", bottleneck=True, pads=False, size=64, batch=6),
}
# Full width: the scores alone.
FULL = {
    "resnet18": dict(blocks=[2, 2, 2, 2], width=64, stem="small", bottleneck=False, pads=False, size=32, classes=10),
    "resnet50": dict(blocks=[3, 4, 6, 3], width=64, stem="imagenet", bottleneck=True, pads=False, size=64, classes=1000),
    "resnet152": dict(
        blocks=[3, 8, 36, 3], width=64, stem="imagenet", bottleneck=True, pads=False, size=64, classes=1000
    ),
}
CLASSES = 7


def narrow(name, size, batch, **shape):
    network = ResNet(classes=CLASSES, **shape).double()
    x = examples(fill(network), size, batch)
    labels = torch.arange(batch) % CLASSES
    lines = ["# Made by generate.py; README.md says what it is.", f"evaluation_scores = {numbers(network.eval()(x))}"]

    counts = {}
    norms = {key: module for key, module in network.named_modules() if isinstance(module, nn.BatchNorm2d)}
    for key, module in norms.items():
        module.register_forward_hook(lambda _, __, y, key=key: counts.update({key: y.numel() // y.shape[1]}))
    scores = network.train()(x)
    loss = F.cross_entropy(scores, labels)
    loss.backward()
    lines += [f"training_scores = {numbers(scores)}", f"training_loss = {loss.item()!r}", "", "[gradient_norms]"]
    gradients = {key: parameter.grad for key, parameter in sorted(network.named_parameters())}
    lines += [f'"{key}" = {gradient.norm().item()!r}' for key, gradient in gradients.items()]
    lines += ["", "[gradients]"]
    some = ["conv1.weight", "bn1.weight", "bn1.bias", "layer2.0.conv2.weight", "layer3.0.bn2.weight", "fc.weight", "fc.bias"]
    lines += [f'"{key}" = {numbers(gradients[key])}' for key in some]
    for key in ["bn1", "layer2.0.bn1", "layer3.1.bn2"]:
        module = norms[key]
        lines += ["", f'[running."{key}"]', f"count = {counts[key]}"]
        lines += [f"mean = {numbers(module.running_mean)}", f"var = {numbers(module.running_var)}"]
    (Path(__file__).parent / f"{name}.toml").write_text("\n".join(lines) + "\n")


def full_scores(size, classes, **shape):
    network = ResNet(classes=classes, **shape).double()
    x = examples(fill(network), size, 1)
    return network.eval()(x)[0]


def compare_with_torchvision():
    try:
        from torchvision import models
    except ImportError:
        return
    for theirs, name in ((models.resnet50(), "resnet50"), (models.resnet152(), "resnet152")):
        shape = {key: value for key, value in FULL[name].items() if key != "size"}
        ours = ResNet(**shape)
        assert ours.state_dict().keys() == theirs.state_dict().keys()
        ours.load_state_dict(theirs.state_dict())
        x = examples(0, 64, 2).float()
        assert torch.equal(ours.eval()(x), theirs.eval()(x)), f"{name} differs from torchvision's"
        print(f"{name} is torchvision's")


if __name__ == "__main__":
    for name, shape in NARROW.items():
        narrow(name, **shape)
    with torch.no_grad():
        compare_with_torchvision()
        lines = ["# Made by generate.py; README.md says what it is."]
        lines += [f"{name} = {numbers(full_scores(**shape))}" for name, shape in FULL.items()]
    (Path(__file__).parent / "full_width.toml").write_text("\n".join(lines) + "\n")
