"""The Lookahead for PyTorch: every law, PyTorch's schedulers, and AMP as far as the CPU has it."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("torch")

import torch
from torch.optim import lr_scheduler

from lookahead_conformance import cli
from lookahead_conformance.laws import LAWS, Law, check
from lookahead_torch import Lookahead
from torch_adapter_of_ours import Ours

SOURCE = Path(__file__).parents[1] / "lookahead/lookahead_torch.py"


def test_it_is_short() -> None:
    assert len(SOURCE.read_text().splitlines()) < 150


@pytest.mark.parametrize("law", [law for law in LAWS if "lookahead" in law.methods], ids=lambda law: law.name)
def test_it_passes(law: Law) -> None:
    result = check(law, Ours)
    assert result.status == "pass", result


def model() -> torch.nn.Module:
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(6, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1))


def batch(t: int) -> tuple[torch.Tensor, torch.Tensor]:
    x = torch.sin(torch.arange(24.0).reshape(4, 6) * (t + 1))
    return x, x.sum(dim=1, keepdim=True).cos()


SCHEDULERS: dict[str, Callable[[torch.optim.Optimizer], lr_scheduler.LRScheduler]] = {
    "step": lambda optimizer: lr_scheduler.StepLR(optimizer, 3, gamma=0.5),
    "cosine": lambda optimizer: lr_scheduler.CosineAnnealingLR(optimizer, 20),
    "one cycle": lambda optimizer: lr_scheduler.OneCycleLR(optimizer, max_lr=0.05, total_steps=20),
    "linear": lambda optimizer: lr_scheduler.LinearLR(optimizer, total_iters=10),
    "in sequence": lambda optimizer: lr_scheduler.SequentialLR(
        optimizer,
        [lr_scheduler.LinearLR(optimizer, total_iters=5), lr_scheduler.CosineAnnealingLR(optimizer, 15)],
        milestones=[5],
    ),
}


@pytest.mark.parametrize("name", SCHEDULERS)
def test_schedulers_see_an_ordinary_optimizer(name: str) -> None:
    """The rates are those without Lookahead, also after a load in mid-cycle; with alpha = 1 so are the weights."""

    def run(k: int | None, alpha: float, reload_after: int | None = None) -> tuple[list[float], list[torch.Tensor]]:
        net = model()
        rates: list[float] = []

        def make() -> tuple[torch.optim.Optimizer, lr_scheduler.LRScheduler]:
            optimizer = torch.optim.AdamW(net.parameters(), lr=0.02)
            if k is not None:
                Lookahead(optimizer, k, alpha)
            return optimizer, SCHEDULERS[name](optimizer)

        optimizer, scheduler = make()
        for t in range(17):
            x, y = batch(t)
            optimizer.zero_grad()
            (net(x) - y).square().mean().backward()
            rates.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            scheduler.step()
            if t == reload_after:
                file = io.BytesIO()
                torch.save({"optimizer": optimizer.state_dict(), "scheduler": scheduler.state_dict()}, file)
                saved = torch.load(io.BytesIO(file.getvalue()))
                optimizer, scheduler = make()
                optimizer.load_state_dict(saved["optimizer"])
                scheduler.load_state_dict(saved["scheduler"])
        return rates, [p.detach().clone() for p in net.parameters()]

    plain_rates, plain = run(None, 1.0)
    rates, weights = run(4, 1.0)
    assert rates == plain_rates and all(map(torch.equal, weights, plain))
    rates, whole = run(4, 0.5)
    assert rates == plain_rates and not all(map(torch.equal, whole, plain))
    rates, resumed = run(4, 0.5, reload_after=9)
    assert rates == plain_rates and all(map(torch.equal, whole, resumed))


def test_autocast_and_grad_scaler_on_the_cpu() -> None:
    """A step that GradScaler skips is no step: neither weights nor the place in the cycle move."""
    net = model()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    lookahead = Lookahead(optimizer, k=3)
    scaler = torch.amp.GradScaler("cpu", init_scale=16.0)
    for t in range(7):
        x, y = batch(t)
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = (net(x) - y).square().mean()
        scaler.scale(loss).backward()
        before = [p.detach().clone() for p in net.parameters()]
        phase = lookahead.phase
        if t == 4:
            for p in net.parameters():
                p.grad = torch.full_like(p, float("inf"))
        scaler.step(optimizer)
        scaler.update()
        stayed = all(map(torch.equal, before, net.parameters()))
        assert stayed == (t == 4)
        assert lookahead.phase == (phase if t == 4 else (phase + 1) % 3)
    assert scaler.get_scale() == 8.0
    assert all(torch.equal(p, lookahead.slow[p]) for p in net.parameters())
    assert all(p.isfinite().all() for p in net.parameters())


def test_evaluation_is_undone_after_an_exception() -> None:
    net = model()
    optimizer = torch.optim.Adam(net.parameters(), lr=0.1)
    lookahead = Lookahead(optimizer, k=5)
    for t in range(3):
        x, y = batch(t)
        optimizer.zero_grad()
        (net(x) - y).square().mean().backward()
        optimizer.step()
    fast = [p.detach().clone() for p in net.parameters()]
    with pytest.raises(KeyError), lookahead.evaluated():
        assert all(torch.equal(p, lookahead.slow[p]) for p in net.parameters())
        with lookahead.evaluated():
            pass
        assert all(torch.equal(p, lookahead.slow[p]) for p in net.parameters())
        raise KeyError
    assert all(map(torch.equal, fast, net.parameters()))


def test_a_cycle_can_end_right_after_a_parameter_has_joined() -> None:
    old, new = (torch.nn.Parameter(torch.ones(2)) for _ in range(2))
    optimizer = torch.optim.SGD([old], lr=0.5)
    lookahead = Lookahead(optimizer, k=5)
    old.grad = torch.ones(2)
    optimizer.step()
    optimizer.add_param_group({"params": [new]})
    lookahead.sync_now()
    assert old.tolist() == [0.75, 0.75] and new.tolist() == [1.0, 1.0] and lookahead.phase == 0


def test_what_cannot_be_loaded_is_refused() -> None:
    parameters = list(model().parameters())
    plain = torch.optim.SGD(parameters, lr=0.1)
    optimizer = torch.optim.SGD(parameters, lr=0.1)
    Lookahead(optimizer)
    with pytest.raises(ValueError, match="saved without Lookahead"):
        optimizer.load_state_dict(plain.state_dict())
    fewer = torch.optim.SGD(parameters[:2], lr=0.1)
    Lookahead(fewer)
    with pytest.raises(ValueError, match="4 slow weights, but there are 2 parameters"):
        fewer.load_state_dict(optimizer.state_dict())
    with pytest.raises(ValueError, match="one of maintain, reset, interpolate"):
        Lookahead(plain, policy="pullback")
    with pytest.raises(ValueError, match="whole number"):
        Lookahead(plain, k=2.5)  # type: ignore[arg-type]


def test_the_adapter_of_the_readme_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Around something that is no Lookahead: only the inner optimizer acts."""
    readme = (SOURCE.parents[1] / "README.md").read_text()
    code = readme.split("```python\n")[1].split("```")[0]
    (tmp_path / "mine.py").write_text(code)
    (tmp_path / "my_package.py").write_text("def Lookahead(inner, k, alpha):\n    return inner\n")
    assert cli.main([str(tmp_path / "mine.py")]) == 1
    out = capsys.readouterr().out
    assert out.startswith("my Lookahead\n") and "trajectory            off by" in out
    assert "scheduler_after_load  pass" in out and "reset                 not offered" in out
