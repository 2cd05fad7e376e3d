"""The independent program against what others computed: PyTorch's inner rules, and the published code of the family."""

from __future__ import annotations

import json
import math
import tomllib
from pathlib import Path
from typing import Any

import generate
import pytest

ROOT = Path(__file__).parents[2]
TOLERANCE = 1e-12

GOLDEN = sorted((ROOT / "testdata/trajectories").glob("*.toml"))
FAMILY = ["lookahead_official", "lookahead_pytorch_optimizer", "lookahead_optax", "snoo_paper", "snoo_pr128"]
FAMILY += ["muloco1", "diloco_torchft", "slowmo_fairscale", "slowmo_torchdistx"]
FAMILY += ["schedulefree_sgd", "schedulefree_adamw", "schedulefree_adamw_paper"]

INNER = {
    "sgd": generate.SGD,
    "sgdm": generate.HEAVY_BALL,
    "adamw": {**generate.ADAM, "kind": "adamw", "lr": 0.01, "weight_decay": 0.01},
}


def assert_near(found: list[float], expected: list[float], at: str) -> None:
    for i, (a, b) in enumerate(zip(found, expected, strict=True)):
        assert abs(a - b) <= TOLERANCE * max(1.0, abs(b)), f"{at}, element {i}: {a} instead of {b}"


def test_the_files_are_what_the_program_writes(tmp_path: Path) -> None:
    for stem, cases in generate.FILES.items():
        kept = (ROOT / f"conformance/trajectories/{stem}.json").read_bytes()
        assert generate.text_of(cases).encode() == kept, f"{stem}.json"


@pytest.mark.parametrize("file", [file for file in GOLDEN if file.stem != "adafactor"], ids=lambda file: file.stem)
def test_rules_and_policies_are_those_of_pytorch(file: Path) -> None:
    data = tomllib.loads(file.read_text())
    tensors = {tensor["name"]: tensor for tensor in data["tensor"]}
    first, count = {}, 0
    for name, tensor in tensors.items():
        first[name] = count
        count += len(tensor["initial"])

    def gradient(name: str, theta: list[float], t: int) -> list[float]:
        curvature, target = tensors[name]["curvature"], tensors[name]["target"]
        noise = [generate.perturbation(first[name] + i, t) for i in range(len(theta))]
        return [c * (w - to) + n for c, w, to, n in zip(curvature, theta, target, noise, strict=True)]

    initial = {name: tensor["initial"] for name, tensor in tensors.items()}
    assert len(data["case"]) >= 36
    for case in data["case"]:
        fast, _ = generate.run(case, initial, gradient, len(case["theta"]))
        for t, (found, expected) in enumerate(zip(fast, case["theta"], strict=True), 1):
            for name in tensors:
                assert_near(found[name], expected[name], f"{file.stem}, {case['name']}, step {t}, {name}")


def case_of(stem: str, run: dict[str, Any]) -> dict[str, Any]:
    """A run of a source as a case of ours."""
    h, k, steps = run["hyperparameters"], run["k"], len(run["fast"])
    case: dict[str, Any] = {"rule": INNER[run["inner"]], "sync_period": k}
    if "lr_schedule" in h:
        case["lr_factors"] = [1 - 0.5 * t / steps for t in range(steps)]
    if stem.startswith("schedulefree"):
        if run["inner"] == "adamw":
            case["rule"] = {**INNER["adamw"], "beta1": 0.0, "weight_decay": 0.0}
        case["schedule_free"] = {"beta": h.get("beta", h.get("momentum")), "weight_decay": h.get("weight_decay", 0.0)}
        if stem.endswith("paper"):
            case["convention"] = "the paper's bias correction"
        del case["sync_period"]
        return case
    if stem.startswith("lookahead"):
        reset = h.get("reset_state") or h.get("pullback_momentum") == "reset"
        policy = "interpolate" if h.get("pullback_momentum") == "pullback" else "reset" if reset else "maintain"
        return {**case, "alpha": h.get("alpha", h.get("slow_step_size")), "policy": policy}
    form, unit = "nesterov", "delta"
    if stem == "muloco1":
        unit = "outer_step"
    if stem.startswith("slowmo"):
        form, unit = "heavy_ball", "delta_over_learning_rate"
    case["first_sync"] = {"snoo_pr128": 1, "slowmo_torchdistx": k + 1}.get(stem, k)
    case["outer"] = {"rates": [h.get("eta", h.get("alpha"))], "momentum": h["mu"], "form": form, "buffer_unit": unit}
    return case


def is_covered(run: dict[str, Any]) -> bool:
    """Schedule-Free's powers and warm-up are left to the crates' own tests."""
    h = run["hyperparameters"]
    return not h.get("r") and not h.get("warmup_steps") and h.get("weight_lr_power", 2.0) == 2.0


@pytest.mark.parametrize("stem", FAMILY)
def test_the_family_is_that_of_published_code(stem: str) -> None:
    initial = [math.cos(0.9 * i + 0.3) for i in range(8)]
    offset = {"w": 0, "b": 6}

    def gradient(name: str, theta: list[float], t: int) -> list[float]:
        numbered = enumerate(theta, offset[name])
        return [(0.3 + 0.1 * i) * w + 0.5 * math.sin(t * (i + 1) * 0.7) for i, w in numbered]

    source = json.loads((ROOT / f"testdata/family/{stem}.json").read_text())
    runs = [run for run in source["runs"] if is_covered(run)]
    assert len(runs) >= 2
    for run in runs:
        steps = len(run["fast"])
        starts = {"w": initial[:6], "b": initial[6:]}
        fast, slow = generate.run(case_of(stem, run), starts, gradient, steps)
        for t in range(steps):
            at = f"{stem}, {run['inner']}, k={run['k']}, {run['hyperparameters']}, step {t + 1}"
            assert_near(fast[t]["w"] + fast[t]["b"], run["fast"][t], at)
            if run.get("slow"):
                assert_near(slow[t]["w"] + slow[t]["b"], run["slow"][t], f"{at}, slow")
