"""What the workers that train or translate with PyTorch share: the answers to lines of text, and the clock.

They answer by lines of JSON: first, unasked, {"ready", "worker", "params"}; "run N" by the times of N repetitions; "mem" by the
bytes of anonymous memory before the first one and at most since then; "quit" by leaving.
"""
import argparse
import json
import sys
import time

import torch


def options(networks, batch, **more):
    """The command line: --network, --batch, --threads, --device, and whole numbers by name. All is on that device."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--network", choices=networks, required=True)
    parser.add_argument("--batch", type=int, default=batch)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    for name, default in more.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--channels-last", action="store_true")
    found = parser.parse_args()
    torch.set_num_threads(found.threads)
    torch.set_default_device(found.device)
    return found


def trainer(model, batch, loss):
    """Steps of SGD. "run N" tells {"forward", "backward", "optimizer", "loop"} of each, the loop being all the rest.

    On a device nothing is read, and the last step waits until all is done.
    """
    device = torch.get_default_device()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4, fused=True)

    def step():
        times = [time.perf_counter()]
        examples = batch()
        optimizer.zero_grad()
        times.append(time.perf_counter())
        value = loss(*examples)
        if device.type == "cpu":
            value.item()
        times.append(time.perf_counter())
        value.backward()
        times.append(time.perf_counter())
        optimizer.step()
        times.append(time.perf_counter())
        return [1e3 * (later - earlier) for earlier, later in zip(times, times[1:])]

    def run(count):
        rest, forward, backward, update = map(list, zip(*(step() for _ in range(count))))
        if device.type == "cuda":
            start = time.perf_counter()
            torch.cuda.synchronize(device)
            rest[-1] += 1e3 * (time.perf_counter() - start)
        return dict(forward=forward, backward=backward, optimizer=update, loop=rest)

    return run


def memory():
    """Bytes of anonymous memory: in use, and at most."""
    with open("/proc/self/status") as status:
        kilobytes = {line.split(":")[0]: int(line.split()[1]) for line in status if line.endswith("kB\n")}
    return kilobytes["RssAnon"] * 1024, (kilobytes["VmHWM"] - kilobytes["RssFile"] - kilobytes["RssShmem"]) * 1024


def say(**answer):
    print(json.dumps(answer), flush=True)


def serve(model, run):
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
