"""`lookahead-conformance`: checks optimizers against the laws and says what was found."""

from __future__ import annotations

import argparse
import difflib
import importlib
import importlib.metadata
import importlib.util
import inspect
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from lookahead_conformance.adapter import Adapter
from lookahead_conformance.laws import BY_NAME, LAWS, Result, check
from lookahead_conformance.report import table

PACKAGES = ("timm", "torch_optimizer", "pytorch_optimizer", "optax", "schedulefree")
PASSES, FAILS, BAD_INPUT = 0, 1, 2

EPILOG = """exit status: 0 if every law holds or is not offered, 1 if one fails, 2 if the input is wrong"""


class BadInput(Exception):
    """What was asked for cannot be done; the message says what can."""


def main(arguments: Sequence[str] | None = None) -> int:
    """The program; returns its exit status."""
    parser = argparse.ArgumentParser(prog="lookahead-conformance", description=__doc__, epilog=EPILOG)
    target = f"{', '.join(PACKAGES)}, or a Python file with an adapter"
    parser.add_argument("optimizer", nargs="*", metavar="OPTIMIZER", help=target)
    parser.add_argument("--law", action="append", metavar="NAME", help="check this law alone; may be repeated")
    parser.add_argument("--json", type=Path, metavar="OUT", help="write the results to this file too")
    parser.add_argument("--laws", action="store_true", help="list the laws")
    options = parser.parse_args(arguments)
    try:
        named = [BY_NAME[_known_law(name)] for name in options.law or []]
        if options.laws:
            for law in LAWS:
                print(f"{law.name}\n    {law.holds}\n    Protects from {law.protects_from}.")
            return PASSES
        if not options.optimizer:
            raise BadInput(f"name an optimizer: {target}")
        kinds = [kind for name in options.optimizer for kind in adapters(name)]
        found: dict[type[Adapter], list[Result]] = {}
        for kind in kinds:
            laws = named or [law for law in LAWS if kind.method in law.methods]
            found[kind] = [check(law, kind) for law in laws]
            print(table(f"{kind.name} {version(kind) or ''}".strip(), found[kind]), flush=True)
        if options.json is not None:
            _write(options.json, found)
    except BadInput as error:
        print(f"error: {error}", file=sys.stderr)
        return BAD_INPUT
    return FAILS if any(result.fails for results in found.values() for result in results) else PASSES


def version(adapter: type[Adapter]) -> str | None:
    """Of the adapter's package."""
    try:
        return importlib.metadata.version(adapter.package) if adapter.package else None
    except importlib.metadata.PackageNotFoundError:
        return None


def _known_law(name: str) -> str:
    if name in BY_NAME:
        return name
    near = difflib.get_close_matches(name, BY_NAME, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(BY_NAME)}"
    raise BadInput(f"there is no law {name!r}: {hint}")


def adapters(name: str) -> list[type[Adapter]]:
    """The adapters of a package that the kit knows, or of a file."""
    if name in PACKAGES:
        module = _import(name)
    elif name.endswith(".py"):
        module = _load(Path(name))
    else:
        near = difflib.get_close_matches(name, PACKAGES, n=1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise BadInput(
            f"{name!r} is no optimizer that is known here: {hint}There are {', '.join(PACKAGES)}, and FILE.py"
        )
    own = [value for value in vars(module).values() if inspect.isclass(value) and value.__module__ == module.__name__]
    found = [kind for kind in own if issubclass(kind, Adapter) and hasattr(kind, "name")]
    found = [kind for kind in found if not inspect.isabstract(kind)]
    if not found:
        raise BadInput(
            f"{name} has no adapter: a class that inherits from lookahead_conformance.Adapter and has a name"
        )
    return found


def _import(name: str) -> ModuleType:
    try:
        return importlib.import_module(f"lookahead_conformance.adapters.{name}")
    except ModuleNotFoundError as error:
        raise BadInput(f"{name} needs the package {error.name}, which is not installed (pip install {name})") from error


def _load(path: Path) -> ModuleType:
    if not path.is_file():
        raise BadInput(f"there is no file {path}")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None  # it ends in .py
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    sys.path.insert(0, str(path.parent.resolve()))
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise BadInput(f"{path} cannot be imported: {type(error).__name__}: {error}") from error
    finally:
        sys.path.pop(0)
    return module


def as_rows(found: dict[type[Adapter], list[Result]]) -> list[dict[str, object]]:
    """A row for each result, as it stands in the JSON."""
    return [
        {"package": kind.package, "version": version(kind), **result.as_json()}
        for kind, results in found.items()
        for result in results
    ]


def _write(path: Path, found: dict[type[Adapter], list[Result]]) -> None:
    try:
        path.write_text(json.dumps({"results": as_rows(found)}, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise BadInput(f"cannot write {path}: {error.strerror}") from error
