"""PyTorch's fused optimizers on a CUDA device, alone and under the Lookahead of pytorch_optimizer, where that is there.

Takes the options of `device_worker` and prints what it does: one object of JSON.
"""
import argparse
import json
import math
import time

import torch

PERIOD, CYCLES = 5, 4
MAX_NORM = 0.25

parser = argparse.ArgumentParser()
parser.add_argument("--shapes", required=True)
parser.add_argument("--device", default="cuda")
parser.add_argument("--inner", choices=["sgdm", "adamw"], default="sgdm")
parser.add_argument("--repetitions", type=int, default=9)
options = parser.parse_args()
if not torch.cuda.is_available():
    parser.error("this torch sees no CUDA device")
# wgpu and vulkan number devices in their own way
index = int(options.device.partition(":")[2] or 0) if options.device.startswith("cuda") else 0
device = torch.device("cuda", index)
sizes = [math.prod(shape) for _, shape in json.load(open(options.shapes))]


def variant(name):
    params = [torch.nn.Parameter(torch.ones(size, device=device)) for size in sizes]
    for param in params:
        param.grad = torch.full_like(param, 0.01)
    how = {"fused": True} if "fused" in name else {"foreach": True}
    if options.inner == "sgdm":
        inner = torch.optim.SGD(params, lr=1e-3, momentum=0.9, weight_decay=5e-4, **how)
    else:
        inner = torch.optim.AdamW(params, lr=1e-4, weight_decay=1e-2, **how)
    if not name.startswith("lookahead"):
        return inner
    from pytorch_optimizer import Lookahead

    return Lookahead(inner, k=PERIOD, alpha=0.5)


def parameters(optimizer):
    return [param for group in optimizer.param_groups for param in group["params"]]


names = ["inner, fused", "inner, foreach", "inner, fused, clipped"]
try:
    import pytorch_optimizer  # noqa: F401

    names += ["lookahead, fused"]
except ImportError:
    pass
variants = [variant(name) for name in names]
times = [[] for _ in names]
for repetition in range(options.repetitions + 1):
    for name, optimizer, measured in zip(names, variants, times):
        torch.cuda.synchronize(device)
        start = time.perf_counter()
        for _ in range(PERIOD * CYCLES):
            if name.endswith("clipped"):
                # in place: from the second time on the norm is MAX_NORM, and the work the same
                torch.nn.utils.clip_grad_norm_(parameters(optimizer), MAX_NORM)
            optimizer.step()
        torch.cuda.synchronize(device)
        if repetition > 0:
            measured.append((time.perf_counter() - start) * 1e3 / (PERIOD * CYCLES))


def row(name, measured):
    measured.sort()
    per_element = {"sgdm": 20, "adamw": 28}[options.inner] + (8 / PERIOD if name.startswith("lookahead") else 0)
    per_element += 12 if name.endswith("clipped") else 0
    ms = {"least": measured[0], "median": measured[len(measured) // 2], "greatest": measured[-1]}
    return {"variant": f"torch, {name}", "bytes": per_element * sum(sizes), "ms": ms}


print(json.dumps({
    "device": str(device), "name": torch.cuda.get_device_name(device), "software": False, "inner": options.inner,
    "tensors": len(sizes), "elements": sum(sizes), "k": PERIOD, "repetitions": options.repetitions,
    "measured": [row(name, measured) for name, measured in zip(names, times)],
}))
