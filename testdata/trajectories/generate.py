"""Golden trajectories of Lookahead, made without the Rust code: Algorithm 1 by hand around PyTorch's inner optimizers.

    python testdata/trajectories/generate.py

It needs only torch and writes one TOML file per inner rule beside itself, all in float64 with foreach=False. README.md
there describes the problem and the format.

What torch cannot do is written out by hand here: Adam and Adafactor under "interpolate", where the bias corrections
move with their moments. The program stops if these hand-written rules differ from torch's wherever both apply.
"""

from pathlib import Path

import torch

# The problem: a diagonal quadratic with a perturbation that depends on the step. All decimals are short, so that any
# language reads the same doubles.
TENSORS = {
    "a": {
        "shape": [2, 3],
        "initial": [0.8, -0.6, 0.4, -0.2, 1.0, -1.2],
        "target": [0.3, 0.1, -0.7, 0.9, -0.4, 0.2],
        "curvature": [0.5, 1.0, 1.5, 2.0, 0.25, 0.75],
    },
    "b": {
        "shape": [4],
        "initial": [0.05, -0.3, 0.7, -0.9],
        "target": [-0.5, 0.6, 0.25, -0.1],
        "curvature": [1.25, 0.3, 2.5, 0.6],
    },
    "c": {
        "shape": [2, 2, 3],
        "initial": [0.1, -0.2, 0.3, -0.4, 0.5, -0.6, 0.7, -0.8, 0.9, -1.0, 1.1, -1.2],
        "target": [0.6, 0.4, -0.2, 0.0, -0.3, 0.8, -0.9, 0.2, 0.5, -0.1, 0.3, -0.7],
        "curvature": [0.2, 0.4, 0.6, 0.8, 1.0, 1.2, 1.4, 1.6, 1.8, 2.0, 2.2, 2.4],
    },
    # Starts below Adafactor's epsilon2 and grows past it.
    "d": {"shape": [2], "initial": [0.0008, -0.0009], "target": [0.6, -0.5], "curvature": [1.0, 1.5]},
}
ADAFACTOR_ONLY = ["c", "d"]

POLICIES = ["maintain", "interpolate", "reset"]
SYNC_PERIODS = [1, 5, 10]
ALPHAS = [0.2, 0.5, 0.8, 1.0]

# Steps in which tensor "b" has no gradient in the cases `*_missing_gradient` (k = 5): the first of all, one inside a
# cycle, one that ends a cycle and the one after it.
WITHOUT_GRADIENT = {"b": [1, 3, 5, 6]}

SGD = {"kind": "sgd", "lr": 0.1, "momentum": 0.0, "dampening": 0.0, "nesterov": False, "weight_decay": 0.0}
HEAVY_BALL = {**SGD, "lr": 0.05, "momentum": 0.9}
ADAM = {"kind": "adam", "lr": 0.05, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "weight_decay": 0.0}
ADAFACTOR = {
    "kind": "adafactor",
    "lr": 0.05,
    "beta2_decay": -0.8,
    "epsilon1": torch.finfo(torch.float64).eps,
    "epsilon2": 1e-3,
    "clip": 1.0,
    "weight_decay": 0.0,
}

DECAY = {"weight_decay": 0.05}
OTHER_BETAS = {"beta1": 0.8, "beta2": 0.95, "epsilon": 1e-2}
# With this rate the step size is 1/sqrt(t) times the weights' scale.
OTHER_ADAFACTOR = {"lr": 1.0, "beta2_decay": -0.5, "clip": 1.2}

# For each file: the rule of the whole grid, and the changes of the further variants (k = 5, alpha = 0.5).
FILES = {
    "sgd": (SGD, {"weight_decay": DECAY}),
    "heavy_ball": (HEAVY_BALL, {"weight_decay": DECAY}),
    "heavy_ball_dampened": ({**HEAVY_BALL, "dampening": 0.3}, {"weight_decay": DECAY}),
    "nesterov": ({**HEAVY_BALL, "nesterov": True}, {"weight_decay": DECAY}),
    "adam": (ADAM, {"other_settings": OTHER_BETAS}),
    "adam_l2": ({**ADAM, **DECAY}, {"other_settings": OTHER_BETAS}),
    "adamw": ({**ADAM, "kind": "adamw", **DECAY}, {"other_settings": OTHER_BETAS}),
    "adafactor": (ADAFACTOR, {"weight_decay": DECAY, "other_settings": OTHER_ADAFACTOR}),
}


def tensors_of(kind):
    return {name: tensor for name, tensor in TENSORS.items() if name not in ADAFACTOR_ONLY or kind == "adafactor"}


def as_tensor(values, shape):
    return torch.tensor(values, dtype=torch.float64).reshape(shape)


def perturbation(i, t):
    """Of element i (counted through all tensors of the file, from 0) in step t (from 1): in [-0.5, 0.5)."""
    return ((i * 7919 + t * 104729) % 1000) / 1000 - 0.5


def set_gradients(theta, tensors, t, without_gradient):
    """curvature * (theta - target) + perturbation, or None."""
    first = 0
    for name, p in theta.items():
        shape, count = tensors[name]["shape"], p.numel()
        noise = as_tensor([perturbation(i, t) for i in range(first, first + count)], shape)
        target, curvature = (as_tensor(tensors[name][key], shape) for key in ("target", "curvature"))
        p.grad = None if t in without_gradient.get(name, []) else curvature * (p - target) + noise
        first += count


def torch_rule(params, rule):
    """PyTorch's own optimizer."""
    params = list(params)
    common = {"lr": rule["lr"], "weight_decay": rule["weight_decay"], "foreach": False}
    if rule["kind"] == "sgd":
        sgd = {key: rule[key] for key in ("momentum", "dampening", "nesterov")}
        return torch.optim.SGD(params, **common, **sgd)
    if rule["kind"] == "adafactor":
        eps = (rule["epsilon1"], rule["epsilon2"])
        return torch.optim.Adafactor(params, **common, beta2_decay=rule["beta2_decay"], eps=eps, d=rule["clip"])
    adam = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[rule["kind"]]
    return adam(params, **common, betas=(rule["beta1"], rule["beta2"]), eps=rule["epsilon"])


class HandAdam:
    """Adam and AdamW dividing their moments by w <- beta w + (1 - beta), which interpolation moves, not 1 - beta^t."""

    def __init__(self, params, rule):
        self.params, self.rule, self.state = list(params), rule, {}

    def step(self):
        r = self.rule
        for p in self.params:
            if p.grad is None:
                continue
            zero = torch.zeros((), dtype=torch.float64)
            fresh = {"m": torch.zeros_like(p), "v": torch.zeros_like(p), "w1": zero.clone(), "w2": zero.clone()}
            s = self.state.setdefault(p, fresh)
            g = p.grad
            if r["kind"] == "adamw":
                p.mul_(1 - r["lr"] * r["weight_decay"])
            else:
                g = g + r["weight_decay"] * p
            s["m"].copy_(r["beta1"] * s["m"] + (1 - r["beta1"]) * g)
            s["v"].copy_(r["beta2"] * s["v"] + (1 - r["beta2"]) * g * g)
            s["w1"].copy_(r["beta1"] * s["w1"] + (1 - r["beta1"]))
            s["w2"].copy_(r["beta2"] * s["w2"] + (1 - r["beta2"]))
            m_hat, v_hat = s["m"] / s["w1"], s["v"] / s["w2"]
            p.sub_(r["lr"] * m_hat / (v_hat.sqrt() + r["epsilon"]))


class HandAdafactor:
    """Adafactor whose averages carry a weight w <- w + (1 - beta2_t) (1 - w): 1 after any step, until interpolated."""

    def __init__(self, params, rule):
        self.params, self.rule, self.state, self.counters = list(params), rule, {}, {}

    def step(self):
        r = self.rule
        for p in self.params:
            if p.grad is None:
                continue
            t = self.counters[p] = self.counters.get(p, 0) + 1
            one_minus_beta2 = t ** r["beta2_decay"]
            rms = p.square().mean().sqrt().item()
            size = max(r["epsilon2"], rms) * min(r["lr"], 1 / t**0.5)
            p.mul_(1 - r["lr"] * r["weight_decay"])

            squares = p.grad.square()
            if p.dim() > 1:
                news = {"row": squares.mean(dim=-1, keepdim=True), "col": squares.mean(dim=-2, keepdim=True)}
            else:
                news = {"variance": squares}
            news["w"] = torch.ones((), dtype=torch.float64)
            s = self.state.setdefault(p, {name: torch.zeros_like(new) for name, new in news.items()})
            for name, new in news.items():
                s[name].copy_(s[name] + one_minus_beta2 * (new - s[name]))

            if p.dim() > 1:
                row, col = s["row"] / s["w"], s["col"] / s["w"]
                v = row * col / row.mean(dim=-2, keepdim=True).clamp(min=r["epsilon1"])
            else:
                v = s["variance"] / s["w"]
            update = p.grad / v.clamp(min=r["epsilon1"] ** 2).sqrt()
            update_rms = update.square().mean().sqrt().item()
            p.sub_(size / max(1.0, update_rms / r["clip"]) * update)


HAND_RULES = {"adam": HandAdam, "adamw": HandAdam, "adafactor": HandAdafactor}


def pull_back(anchor, x, alpha):
    """anchor - alpha (anchor - x), and x itself at alpha = 1."""
    return x.clone() if alpha == 1.0 else anchor - alpha * (anchor - x)


@torch.no_grad()
def lookahead(make_inner, case):
    """Algorithm 1. Gives the weights after every step, a sync included where there is one."""
    rule, k, alpha, policy = case["rule"], case["sync_period"], case["alpha"], case["policy"]
    tensors = tensors_of(rule["kind"])
    theta = {name: as_tensor(tensor["initial"], tensor["shape"]) for name, tensor in tensors.items()}
    phi = {name: p.clone() for name, p in theta.items()}
    inner = make_inner(theta.values(), rule)
    anchors = {}
    trajectory = []
    for t in range(1, case["steps"] + 1):
        set_gradients(theta, tensors, t, case["without_gradient"])
        inner.step()
        if t % k == 0:
            for name, p in theta.items():
                phi[name] = pull_back(phi[name], p, alpha)
                p.copy_(phi[name])
            if policy == "reset":
                inner = make_inner(theta.values(), rule)
            elif policy == "interpolate":
                for name, p in theta.items():
                    for moment, s in inner.state.get(p, {}).items():
                        if s is not None:
                            anchor = anchors.get((name, moment), torch.zeros_like(s))
                            s.copy_(pull_back(anchor, s, alpha))
                            anchors[name, moment] = s.clone()
        trajectory.append({name: p.flatten().tolist() for name, p in theta.items()})
    return trajectory


def case(rule, policy, k, alpha, suffix="", without_gradient=None):
    """At least two syncs and then part of a cycle (but for k = 1)."""
    name = f"{policy}_k{k}_alpha{alpha}{suffix}"
    return {
        "name": name,
        "policy": policy,
        "sync_period": k,
        "alpha": alpha,
        "steps": max(8, 2 * k + 3),
        "rule": rule,
        "without_gradient": without_gradient or {},
    }


def cases(rule, variants):
    for policy in POLICIES:
        for k in SYNC_PERIODS:
            for alpha in ALPHAS:
                yield case(rule, policy, k, alpha)
        for name, changes in variants.items():
            yield case({**rule, **changes}, policy, 5, 0.5, f"_{name}")
        yield case(rule, policy, 5, 0.5, "_missing_gradient", WITHOUT_GRADIENT)


def run(case):
    """The case's trajectory, checked wherever there is a second way to compute it."""
    hand_rule = HAND_RULES.get(case["rule"]["kind"])
    if hand_rule is None:
        trajectory = lookahead(torch_rule, case)
    elif case["policy"] == "interpolate":
        trajectory = lookahead(hand_rule, case)
    else:
        trajectory = lookahead(torch_rule, case)
        assert_close(case, trajectory, lookahead(hand_rule, case))
    if case["policy"] == "interpolate" and case["alpha"] == 1.0:
        assert_close(case, trajectory, lookahead(torch_rule, {**case, "policy": "maintain"}))
    return trajectory


def assert_close(case, one, other):
    for t, (x, y) in enumerate(zip(one, other, strict=True), start=1):
        for name in x:
            x_values, y_values = (torch.tensor(v[name], dtype=torch.float64) for v in (x, y))
            if not torch.allclose(x_values, y_values, rtol=1e-13, atol=1e-15):
                raise SystemExit(f"{case['rule']['kind']} {case['name']}, step {t}, tensor {name}: {x} is not {y}")


def toml(value):
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {toml(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(toml(item) for item in value) + "]"
    return f'"{value}"' if isinstance(value, str) else repr(value)


HEADER = """\
# Golden trajectories of Lookahead around one inner rule. Generated; do not edit. Format: README.md beside this file.
# Made by `python testdata/trajectories/generate.py` with PyTorch {version}, in float64: PyTorch's inner optimizers
# (foreach=False) with Algorithm 1 written out by hand; Adam and Adafactor by hand too under "interpolate".
#
# Gradient of element i (counted through all tensors, from 0) in step t (from 1):
#     curvature[i] * (theta[i] - target[i]) + (((i * 7919 + t * 104729) % 1000) / 1000 - 0.5)
# theta: the weights after each step and, where the step ends a cycle, its sync.
"""


def main():
    torch.set_num_threads(1)
    folder = Path(__file__).parent
    for stem, (rule, variants) in FILES.items():
        lines = [HEADER.format(version=torch.__version__.split("+")[0])]
        for name, tensor in tensors_of(rule["kind"]).items():
            lines += ["[[tensor]]", f"name = {toml(name)}"]
            lines += [f"{key} = {toml(value)}" for key, value in tensor.items()] + [""]
        for each in cases(rule, variants):
            trajectory = run(each)
            lines += ["[[case]]"]
            lines += [f"{key} = {toml(each[key])}" for key in ("name", "policy", "sync_period", "alpha", "rule")]
            if each["without_gradient"]:
                lines += [f"without_gradient = {toml(each['without_gradient'])}"]
            lines += ["theta = ["] + [f"  {toml(weights)}," for weights in trajectory] + ["]", ""]
        (folder / f"{stem}.toml").write_text("\n".join(lines))


if __name__ == "__main__":
    main()
