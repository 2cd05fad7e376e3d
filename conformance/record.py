"""Writes `records/conformance/`: what the kit finds in the packages that are installed.

    cargo xtask conformance --record          (PYTHON names a Python that has them)

The lines at fault are found by their text in the installed sources. A line that is no longer there is an error here:
then somebody has to look again.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import platform
import sys
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "src"))

from lookahead_conformance import cli  # noqa: E402
from lookahead_conformance.adapter import Adapter  # noqa: E402
from lookahead_conformance.laws import LAWS, Result, check  # noqa: E402

FOLDER = HERE.parent / "records/conformance"
OURS = [str(HERE / "lookahead/torch_adapter_of_ours.py"), str(HERE / "lookahead/optax_adapter_of_ours.py")]

# Where each package's sources are, at the tag of a version. None: we know of no tag for its releases.
SOURCES = {
    "timm": "https://github.com/huggingface/pytorch-image-models/blob/v{version}",
    "torch_optimizer": "https://github.com/jettify/pytorch-optimizer/blob/v{version}",
    "pytorch_optimizer": "https://github.com/kozistr/pytorch_optimizer/blob/v{version}",
    "optax": "https://github.com/google-deepmind/optax/blob/v{version}",
    "schedulefree": None,
}


class Fault(NamedTuple):
    """Laws of one cause: the file within the package, a text of the line, and what it does."""

    laws: tuple[str, ...]
    file: str
    line: str
    what: str


FAULTS: dict[str, list[Fault]] = {
    "timm Lookahead": [
        Fault(
            ("trajectory", "late_parameters"),
            "timm/optim/lookahead.py",
            "param_state['lookahead_slow_buff'] = torch.empty_like(fast_p)",
            "The slow weights of a parameter are made in its first sync, from the fast weights of that moment: its first"
            " cycle is not pulled back.",
        ),
        Fault(
            ("non_finite",),
            "timm/optim/lookahead.py",
            "slow.add_(fast_p - slow, alpha=group['lookahead_alpha'])",
            "A fast weight that is not finite makes the slow one NaN, which stays so at every later sync.",
        ),
        Fault(
            ("evaluation", "partial_cycle"),
            "timm/optim/lookahead.py",
            "def sync_lookahead(self):",
            "This is the way to the slow weights before validation. It pulls the fast weights back, so evaluating more"
            " often trains otherwise; and `lookahead_step` goes on, so the cycle after it has only the steps that were left.",
        ),
    ],
    "torch_optimizer Lookahead": [
        Fault(
            ("trajectory", "partial_cycle"),
            "torch_optimizer/lookahead.py",
            "if group['counter'] == 0:",
            "The counter is tested before it is raised: syncs follow steps 1, 1 + k, 1 + 2k, ..., and the slow weights"
            " begin after the first step.",
        ),
        Fault(
            ("late_parameters",),
            "torch_optimizer/lookahead.py",
            "group['counter'] = 0",
            "Groups that are added later have no counter.",
        ),
        Fault(
            ("resume", "scheduler_after_load"),
            "torch_optimizer/lookahead.py",
            "slow_state_dict = super(Lookahead, self).state_dict()",
            "`Optimizer.__init__` has not been called, and the `state_dict` of today's PyTorch looks for the hooks that it"
            " makes.",
        ),
        Fault(
            ("frozen", "non_finite"),
            "torch_optimizer/lookahead.py",
            "fast.data.mul_(self.alpha).add_(slow, alpha=1.0 - self.alpha)",
            "A sum of two products rounds even where both weights are the same; and what is not finite reaches both for ever.",
        ),
        Fault(
            ("invalid",),
            "torch_optimizer/lookahead.py",
            "if k < 0.0:",
            "The ranges are k >= 0 and alpha >= 0, the latter written so that NaN passes.",
        ),
    ],
    "pytorch_optimizer Lookahead": [
        Fault(
            ("non_finite",),
            "pytorch_optimizer/optimizer/lookahead.py",
            "torch._foreach_lerp_(batch['params'], batch['slow_params'], weight=1.0 - self.alpha)",
            "A fast weight that is not finite makes the slow one NaN, which stays so at every later sync.",
        ),
        Fault(
            ("reset",),
            "pytorch_optimizer/optimizer/lookahead.py",
            "self.optimizer.state[p]['momentum_buffer'] = torch.zeros_like(p)",
            'Only a "momentum_buffer" is reset, which Adam has not: its moments and its counter stay.',
        ),
        Fault(
            ("interpolate",),
            "pytorch_optimizer/optimizer/lookahead.py",
            "buffers = [self.optimizer.state[p]['momentum_buffer'] for p in batch['params']]",
            'Only a "momentum_buffer" is interpolated; Adam never reads the one made for it.',
        ),
    ],
    "pytorch_optimizer ScheduleFree": [
        Fault(
            ("evaluation",),
            "pytorch_optimizer/optimizer/schedulefree.py",
            "p.data.lerp_(end=state['z'], weight=1.0 - 1.0 / momentum)",
            "`eval` and `train` compute x from y and y from x again, which rounds: here in double precision.",
        ),
    ],
    "optax.lookahead": [
        Fault(
            ("fast_equals_slow",),
            "optax/_src/lookahead.py",
            "lambda up, diff: up - sync_next * (1 - slow_step_size) * diff,",
            "Fast and slow weights get updates of their own, which round differently.",
        ),
        Fault(
            ("non_finite",),
            "optax/_src/lookahead.py",
            "lambda diff: slow_step_size * sync_next * diff, last_difference",
            "Between syncs the difference is multiplied by 0, and 0 times infinity is NaN: the slow weights have it one"
            " step later.",
        ),
        Fault(("invalid",), "optax/_src/lookahead.py", "if sync_period < 1:", "`slow_step_size` is not looked at."),
    ],
    "optax.contrib.schedule_free": [
        Fault(
            ("scheduler",),
            "optax/contrib/_schedule_free.py",
            "step_count=jnp.ones([], dtype=jnp.int32),",
            "The count for the average begins at 1, that of the inner optimizer at 0: under a schedule the average weighs a"
            " step by the next step's learning rate.",
        ),
        Fault(
            ("frozen",),
            "optax/contrib/_schedule_free.py",
            "lambda yi, zi: (yi - (1.0 - b1) * zi) / b1, params, state.z",
            "x is computed from y and z in every step, which rounds even where both are the same: here in double precision.",
        ),
    ],
    "schedulefree": [
        Fault(
            ("evaluation",),
            "schedulefree/sgd_schedulefree.py",
            "p.lerp_(end=state['z'].to(p.device), weight=1-1/momentum)",
            "`eval` and `train` compute x from y and y from x again, which rounds: here in double precision.",
        ),
    ],
    "schedulefree wrapper around SGD": [
        Fault(
            ("evaluation",),
            "schedulefree/wrap_schedulefree.py",
            "p.lerp_(end=state['z'], weight=1-1/self.momentum)",
            "The same.",
        ),
    ],
    "schedulefree wrapper around AdamW": [
        Fault(
            tuple(law.name for law in LAWS if "schedule_free" in law.methods),
            "schedulefree/wrap_schedulefree.py",
            "state['z'] = torch.clone(p, memory_format=torch.preserve_format)",
            "z is put into the inner optimizer's state before its first step. PyTorch's AdamW makes its moments only while"
            " that state is empty.",
        ),
    ],
}


def line_number(fault: Fault) -> int:
    """The first line of the installed file that has the text."""
    package, _, rest = fault.file.partition("/")
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise SystemExit(f"{package} is not installed")
    for number, line in enumerate((Path(spec.origin).parent / rest).read_text(encoding="utf-8").splitlines(), 1):
        if fault.line in line:
            return number
    raise SystemExit(f"{fault.file} has no line with {fault.line!r} any more: look again, and change FAULTS")


def verdict(result: Result) -> str:
    """One cell of the table."""
    if result.status == "deviates":
        size = f"off by {result.deviation:.1e}; " if result.deviation is not None else ""
        return f"{size}{result.where}"
    return result.status if result.status != "throws" else f"throws `{result.note}`"


def rows(adapter: type[Adapter], results: list[Result]) -> list[str]:
    """The failures of an optimizer, with their lines, and what it passes."""
    version = cli.version(adapter)
    title = f"{adapter.name} {version or ''}".strip()
    by_law = {result.law: result for result in results}
    faults = FAULTS.get(adapter.name, [])
    unexplained = {result.law for result in results if result.fails} - {law for fault in faults for law in fault.laws}
    if unexplained:
        raise SystemExit(f"{title} fails {', '.join(sorted(unexplained))}: find the lines at fault, and add them to FAULTS")
    written = [f"## {title}", ""]
    failing = [fault for fault in faults if any(by_law[law].fails for law in fault.laws)]
    if failing:
        written += ["| law | measured | line | what it does |", "|---|---|---|---|"]
    for fault in failing:
        laws = [law for law in fault.laws if by_law[law].fails]
        measured = list(dict.fromkeys(verdict(by_law[law]) for law in laws))
        text = f"{fault.file}:{(number := line_number(fault))}"
        source = SOURCES[adapter.package or ""]
        link = f"[{text}]({source.format(version=version)}/{fault.file}#L{number})" if source else f"`{text}`"
        names = ", ".join(f"`{law}`" for law in laws)
        written.append(f"| {names} | {'<br>'.join(measured)} | {link} | {fault.what} |")
    for status, head in (("pass", "Passes"), ("not offered", "Does not offer")):
        found = [f"`{r.law}`" + (f" ({r.note})" if r.note and status == "pass" else "") for r in results if r.status == status]
        if found:
            written += ["", f"{head}: {', '.join(found)}."]
    return [*written, ""]


def main() -> None:
    try:
        adapters = [adapter for name in (*cli.PACKAGES, *OURS) for adapter in cli.adapters(name)]
    except cli.BadInput as error:
        raise SystemExit(f"error: {error}") from error
    found = {kind: [check(law, kind) for law in LAWS if kind.method in law.methods] for kind in adapters}
    versions = {name: importlib.metadata.version(name) for name in ("torch", "jax", *cli.PACKAGES)}
    versions = {"python": platform.python_version(), **versions}
    sections = [line for kind, results in found.items() for line in rows(kind, results)]
    counts = [
        f"| {kind.name} | {cli.version(kind) or 'this repository'} | {sum(r.status == 'pass' for r in results)} |"
        f" {sum(r.fails for r in results)} | {sum(r.status == 'not offered' for r in results)} |"
        for kind, results in found.items()
    ]
    template = (HERE / "record.md").read_text(encoding="utf-8")
    text = template.replace("{versions}", ", ".join(f"{name} {version}" for name, version in versions.items()))
    text = text.replace("{counts}", "\n".join(counts)).replace("{sections}", "\n".join(sections).rstrip())
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "README.md").write_text(text, encoding="utf-8")
    document = {"versions": versions, "results": cli.as_rows(found)}
    (FOLDER / "results.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    print(f"wrote {FOLDER.relative_to(HERE.parent)}")


if __name__ == "__main__":
    main()
