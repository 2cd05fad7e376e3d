"""Times the convolutions of ResNets here and in PyTorch, in turn, and prints GFLOP/s of the fastest runs.

    cargo build --release -p lookahead-nn --example layers
    python beside_torch.py target/release/examples/layers THREADS BATCH ROUNDS
"""
import os
import subprocess
import sys
import time

binary, threads, batch, rounds = sys.argv[1], *map(int, sys.argv[2:5])
os.environ["OMP_NUM_THREADS"] = str(threads)
import torch  # noqa: E402

torch.set_num_threads(threads)
MILLISECONDS = 200
# size, channels, filters, kernel, stride, groups
LAYERS = [
    (32, 3, 64, 3, 1, 1), (32, 64, 64, 3, 1, 1), (32, 64, 128, 3, 2, 1), (16, 128, 128, 3, 1, 1), (8, 256, 256, 3, 1, 1),
    (4, 512, 512, 3, 1, 1), (32, 64, 128, 1, 2, 1), (16, 64, 256, 1, 1, 1), (32, 16, 16, 3, 1, 1), (32, 16, 32, 3, 2, 1),
    (16, 32, 32, 3, 1, 1), (32, 4, 4, 3, 1, 1), (16, 8, 8, 3, 1, 1), (16, 128, 128, 3, 1, 128), (16, 128, 128, 3, 1, 8),
]
PASSES = ["forward", "data", "weight"]
ours = subprocess.Popen([binary, str(threads)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)


def ask(line):
    ours.stdin.write(line + "\n")
    ours.stdin.flush()
    return float(ours.stdout.readline().split()[0])


def fastest(run):
    times, start = [], time.perf_counter()
    while len(times) < 5 or time.perf_counter() - start < MILLISECONDS / 1e3:
        before = time.perf_counter()
        run()
        times.append(time.perf_counter() - before)
    return min(times) * 1e3


def torch_pass(pass_, x, w, dy, stride, padding, groups):
    if pass_ == "forward":
        return lambda: torch.conv2d(x, w, None, stride, padding, 1, groups)
    wanted = [pass_ == "data", pass_ == "weight", False]
    backward = torch.ops.aten.convolution_backward
    return lambda: backward(dy, x, w, None, [stride] * 2, [padding] * 2, [1, 1], False, [0, 0], groups, wanted)


peak = max(ask("peak") for _ in range(20))
print(f"torch {torch.__version__}, {threads} threads, batch {batch}, peak of one thread {peak} GFLOP/s")
print("layer | pass | torch contiguous | torch channels_last | direct | auto | of the peak")
for size, channels, filters, kernel, stride, groups in LAYERS:
    padding = kernel // 2
    x, w = torch.randn(batch, channels, size, size), torch.randn(filters, channels // groups, kernel, kernel)
    dy = torch.randn_like(torch.conv2d(x, w, None, stride, padding, 1, groups))
    flops = 2 * dy.numel() * channels // groups * kernel * kernel
    last = [tensor.contiguous(memory_format=torch.channels_last) for tensor in (x, w, dy)]
    for pass_ in PASSES:
        if pass_ == "data" and channels == 3:
            continue
        line = f"{batch} {size} {channels} {filters} {kernel} {stride} {groups} {pass_}"
        runs = [
            lambda: fastest(torch_pass(pass_, x, w, dy, stride, padding, groups)),
            lambda: fastest(torch_pass(pass_, *last, stride, padding, groups)),
            lambda: ask(f"{line} direct {MILLISECONDS}"),
            lambda: ask(f"{line} auto {MILLISECONDS}"),
        ]
        best = [min(times) for times in zip(*([run() for run in runs] for _ in range(rounds)))]
        rates = [flops / milliseconds / 1e6 for milliseconds in best]
        print(f"{channels}->{filters} {kernel}x{kernel}/{stride} {size}{f' groups {groups}' if groups > 1 else ''} | {pass_} |", " | ".join(f"{r:.0f}" for r in rates),
              f"| {100 * rates[2] / peak / threads:.0f} %", flush=True)
