"""Writes golden.json.gz: outputs and gradients of convolutions as PyTorch computes them in double precision.

    python make.py

Inputs come from a generator that the test repeats; images are NHWC, weights [out, in / groups, height, width].
"""
import gzip
import json
from pathlib import Path

import torch

# batch, height, width, channels, filters, kernel, stride, (top, bottom, left, right), dilation, groups
CASES = [
    (2, 8, 8, 3, 8, (3, 3), (1, 1), (1, 1, 1, 1), (1, 1), 1),
    (1, 9, 7, 32, 32, (3, 3), (1, 1), (1, 1, 1, 1), (1, 1), 1),
    (2, 7, 9, 5, 7, (3, 3), (2, 2), (1, 1, 1, 1), (1, 1), 1),
    (1, 8, 8, 16, 16, (3, 3), (2, 2), (0, 1, 0, 1), (1, 1), 1),
    (1, 11, 10, 4, 6, (3, 3), (1, 1), (2, 2, 2, 2), (2, 2), 1),
    (1, 10, 9, 6, 9, (3, 2), (2, 1), (1, 2, 0, 1), (1, 2), 3),
    (2, 6, 6, 13, 13, (3, 3), (1, 1), (1, 1, 1, 1), (1, 1), 13),
    (1, 9, 9, 4, 8, (5, 5), (2, 2), (2, 2, 2, 2), (1, 1), 4),
    (2, 5, 5, 17, 20, (1, 1), (1, 1), (0, 0, 0, 0), (1, 1), 1),
    (1, 8, 9, 12, 10, (1, 1), (2, 2), (0, 0, 0, 0), (1, 1), 1),
    (1, 17, 13, 3, 16, (7, 7), (2, 2), (3, 3, 3, 3), (1, 1), 1),
    (1, 1, 20, 8, 6, (1, 4), (1, 3), (0, 0, 5, 2), (1, 2), 2),
]


def values(length, seed):
    """Between -1/2 and 1/2: the upper 24 bits of a hash (the finalizer of MurmurHash3) of the place."""
    mask, numbers = 2**32 - 1, []
    for place in range(length):
        bits = (place * 0x9E3779B9 + seed * 0x7F4A7C15) & mask
        bits = ((bits ^ (bits >> 16)) * 0x85EBCA6B) & mask
        bits = ((bits ^ (bits >> 13)) * 0xC2B2AE35) & mask
        numbers.append(((bits ^ (bits >> 16)) >> 8) / 2**24 - 0.5)
    return numbers


def rounded(tensor):
    """The nearest single-precision numbers, as short as they can be told apart."""
    return [float(f"{value:.9g}") for value in tensor.flatten().to(torch.float32).tolist()]


def case(index, batch, height, width, channels, filters, kernel, stride, padding, dilation, groups):
    def tensor(shape, seed):
        length = torch.Size(shape).numel()
        return torch.tensor(values(length, 16 * index + seed), dtype=torch.float64).reshape(shape)

    top, bottom, left, right = padding
    x = tensor((batch, height, width, channels), 0).permute(0, 3, 1, 2).requires_grad_()
    w = tensor((filters, channels // groups, *kernel), 1).requires_grad_()
    bias = tensor((filters,), 2).requires_grad_()
    padded = torch.nn.functional.pad(x, (left, right, top, bottom))
    y = torch.nn.functional.conv2d(padded, w, bias, stride, 0, dilation, groups)
    nhwc = (0, 2, 3, 1)
    dy = tensor(y.permute(nhwc).shape, 3)
    dx, dw, db = torch.autograd.grad(y, (x, w, bias), dy.permute(0, 3, 1, 2))
    return {
        "input": [batch, height, width, channels], "filters": filters, "kernel": kernel, "stride": stride,
        "padding": padding, "dilation": dilation, "groups": groups,
        "y": rounded(y.permute(nhwc)), "dx": rounded(dx.permute(nhwc)), "dw": rounded(dw), "db": rounded(db),
    }


golden = {"torch": torch.__version__, "cases": [case(index, *sizes) for index, sizes in enumerate(CASES)]}
text = json.dumps(golden, separators=(",", ":"))
path = Path(__file__).with_name("golden.json.gz")
path.write_bytes(gzip.compress(text.encode(), mtime=0))
print(f"{path.name}: {path.stat().st_size} bytes")
