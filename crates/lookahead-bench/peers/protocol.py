"""The protocol of a worker, and the numbers that every worker starts from.

A worker is started with --shapes FILE.json --inner sgdm|adamw --k 5 --alpha 0.5 --threads 2 --variants a,b. It answers
lines of text by lines of JSON: first, unasked, {"ready", "worker", "variants", "params"}; "run VARIANT N" by the
milliseconds of each of N optimizer steps; "sum VARIANT" by the sums of all weights and of their absolute values; "mem
VARIANT" by bytes in use before the optimizer's state, now and at most; "quit" by leaving.

Weight i, counted over all tensors in order, starts at ((i * 2654435761 mod 2^32) / 2^32 - 0.5) * 0.1; its gradient is
always ((i * 2246822519 + 12345 mod 2^32) / 2^32 - 0.5) * 0.02. "sgdm" is SGD with learning rate 1e-3, momentum 0.9 and
coupled weight decay 5e-4; "adamw" has learning rate 1e-4, PyTorch's betas and epsilon, and decoupled weight decay 1e-2.
"""
import argparse
import json
import math
import sys
import time

import numpy as np


def arguments(variants):
    parser = argparse.ArgumentParser()
    parser.add_argument("--shapes", required=True)
    parser.add_argument("--inner", choices=["sgdm", "adamw"], default="sgdm")
    parser.add_argument("--k", type=int, default=5)
    parser.add_argument("--alpha", type=float, default=0.5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--variants", default=",".join(variants))
    return parser.parse_args()


def tensors(path, kind):
    """One array for each tensor of the set: its weights or its gradient."""
    factor, summand, scale = {"weights": (2654435761, 0, 0.1), "gradient": (2246822519, 12345, 0.02)}[kind]
    first = 0
    for _, shape in json.load(open(path)):
        size = math.prod(shape)
        index = np.arange(first, first + size, dtype=np.uint64)
        first += size
        hashed = (index * np.uint64(factor) + np.uint64(summand)) & np.uint64(0xFFFFFFFF)
        yield (((hashed / 4294967296.0) - 0.5) * scale).astype(np.float32).reshape(shape)


def serve(name, variants, params):
    """`variants`: name -> object with step() and weights()."""

    def say(**answer):
        print(json.dumps(answer), flush=True)

    say(ready=True, worker=name, variants=list(variants), params=params)
    for line in sys.stdin:
        match line.split():
            case ["run", variant, count]:
                ms = []
                for _ in range(int(count)):
                    start = time.perf_counter()
                    variants[variant].step()
                    ms.append((time.perf_counter() - start) * 1e3)
                say(variant=variant, steps=int(count), ms=ms)
            case ["sum", variant]:
                sums = [(w.sum(dtype=np.float64), np.abs(w).sum(dtype=np.float64)) for w in variants[variant].weights()]
                say(variant=variant, sum=sum(s for s, _ in sums), sumabs=sum(a for _, a in sums))
            case ["quit"]:
                return
