"""Writes `records/conformance/`: what the kit finds in the packages that are installed.

    cargo xtask conformance --record          (PYTHON names a Python that has them)

`faults.toml` has the lines at fault, by their text in the installed sources. A line that is no longer there is an error
here, and so is a failure that it does not explain: then somebody has to look again.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import platform
import sys
import textwrap
import tomllib
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

    laws: list[str]
    file: str
    line: str
    what: str


def line_number(fault: Fault) -> int:
    """The first line of the installed file that has the text."""
    package, _, rest = fault.file.partition("/")
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise SystemExit(f"{package} is not installed")
    for number, line in enumerate((Path(spec.origin).parent / rest).read_text(encoding="utf-8").splitlines(), 1):
        if fault.line in line:
            return number
    raise SystemExit(f"{fault.file} has no line with {fault.line!r} any more: look again, and change faults.toml")


def verdict(result: Result) -> str:
    """One cell of the table."""
    if result.status == "deviates":
        size = f"off by {result.deviation:.1e}; " if result.deviation is not None else ""
        return f"{size}{result.where}"
    return result.status if result.status != "throws" else f"throws `{result.note}`"


def _note(result: Result) -> str:
    """By which convention a law holds."""
    if result.status != "pass" or result.note is None or result.note.startswith("not offered"):
        return ""
    return f" ({result.note})"


def rows(adapter: type[Adapter], results: list[Result]) -> list[str]:
    """The failures of an optimizer, with their lines, and what it passes."""
    version = cli.version(adapter)
    title = f"{adapter.name} {version or ''}".strip()
    by_law = {result.law: result for result in results}
    known = tomllib.loads((HERE / "faults.toml").read_text(encoding="utf-8"))
    faults = [Fault(**fault) for fault in known.get(adapter.name, [])]
    unexplained = {result.law for result in results if result.fails} - {law for fault in faults for law in fault.laws}
    if unexplained:
        raise SystemExit(
            f"{title} fails {', '.join(sorted(unexplained))}: find the lines at fault, and add them to faults.toml"
        )
    written = [f"## {title}"]
    failing = [fault for fault in faults if any(by_law[law].fails for law in fault.laws)]
    if failing:
        written += ["", "| law | measured | line | what it does |", "|---|---|---|---|"]
    for fault in failing:
        laws = [law for law in fault.laws if by_law[law].fails]
        measured = list(dict.fromkeys(verdict(by_law[law]) for law in laws))
        text = f"{fault.file}:{(number := line_number(fault))}"
        source = SOURCES[adapter.package or ""]
        link = f"[{text}]({source.format(version=version)}/{fault.file}#L{number})" if source else f"`{text}`"
        names = ", ".join(f"`{law}`" for law in laws)
        written.append(f"| {names} | {'<br>'.join(measured)} | {link} | {fault.what} |")
    for status, head in (("pass", "Passes"), ("not offered", "Does not offer")):
        found = [f"`{r.law}`" + _note(r) for r in results if r.status == status]
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
    template = (HERE / "record.txt").read_text(encoding="utf-8")
    listed = ", ".join(f"{name} {version}" for name, version in versions.items())
    text = template.replace("{versions}", textwrap.fill(listed, 138))
    text = text.replace("{counts}", "\n".join(counts)).replace("{sections}", "\n".join(sections).rstrip())
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "README.md").write_text(text, encoding="utf-8")
    document = {"versions": versions, "results": cli.as_rows(found)}
    (FOLDER / "results.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    print(f"wrote {FOLDER.relative_to(HERE.parent)}")


if __name__ == "__main__":
    main()
