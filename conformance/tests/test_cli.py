"""The program: what it prints, its exit status, and what it says to wrong input."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

from lookahead_conformance import cli
from lookahead_conformance.laws import LAWS

TESTS = Path(__file__).parent


def write(folder: Path, text: str) -> str:
    path = folder / "mine.py"
    path.write_text(text, encoding="utf-8")
    return str(path)


def adapter(folder: Path, base: str = "Textbook", module: str = "textbook") -> str:
    return write(folder, f'from {module} import {base}\n\nclass Mine({base}):\n    name = "mine"\n')


def test_a_correct_optimizer_exits_with_0(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out.json"
    assert cli.main([adapter(tmp_path), "--json", str(out)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "mine" and lines[-2] == "13 laws checked, 0 failed, 0 not offered"
    assert max(map(len, lines)) <= 80
    rows = json.loads(out.read_text())["results"]
    assert [row["law"] for row in rows] == [law.name for law in LAWS if "lookahead" in law.methods]
    assert {row["status"] for row in rows} == {"pass"} and rows[0]["subject"] == "mine" and rows[0]["version"] is None


def test_a_broken_one_exits_with_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mine = adapter(tmp_path, "SeedsLate", "broken")
    assert cli.main([mine]) == 1
    assert "trajectory            off by 5.5e-01  sgd, k=5, alpha=0.5: step 5, a[0]" in capsys.readouterr().out
    assert cli.main([mine, "--law", "resume", "--law", "frozen"]) == 0


def test_a_value_that_is_no_number_is_written_as_json(tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    broken = "from textbook import Textbook\n\nclass Mine(Textbook):\n    name = 'mine'\n"
    broken += "    def fast(self):\n        return {n: [float('nan')] * len(v) for n, v in super().fast().items()}\n"
    assert cli.main([write(tmp_path, broken), "--law", "trajectory", "--json", str(out)]) == 1
    assert json.loads(out.read_text())["results"][0]["deviation"] == "inf"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "name an optimizer: timm, "),
        (["tim"], "did you mean timm?"),
        (["nowhere.py"], "there is no file nowhere.py"),
        (["timm", "--law", "resum"], "there is no law 'resum': did you mean resume"),
        (["timm", "--law", "zzz"], "there is no law 'zzz': there are trajectory, "),
    ],
)
def test_wrong_input_exits_with_2(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(arguments) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1\n", "has no adapter: a class that inherits from lookahead_conformance.Adapter and has a name"),
        ("1 / 0\n", "cannot be imported: ZeroDivisionError"),
        ("import no_such_package\n", "cannot be imported: ModuleNotFoundError: No module named 'no_such_package'"),
        ("x = (\n", "cannot be imported: SyntaxError"),
    ],
)
def test_a_file_without_an_adapter(text: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([write(tmp_path, text)]) == 2
    assert said in capsys.readouterr().err


def test_an_adapter_that_throws_names_the_law_and_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "from textbook import Textbook\n\nclass Mine(Textbook):\n    name = 'mine'\n"
    text += "    def save(self):\n        raise RuntimeError('disk')\n"
    assert cli.main([write(tmp_path, text)]) == 1
    out = capsys.readouterr().out
    assert "resume                throws          RuntimeError: disk" in out
    assert "13 laws checked, 2 failed, 0 not offered" in out


def test_a_missing_package_is_named(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    monkeypatch.delitem(sys.modules, "lookahead_conformance.adapters.timm", raising=False)
    assert cli.main(["timm"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: timm needs the package ") and "(pip install timm)" in said


def test_a_json_file_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([adapter(tmp_path), "--law", "invalid", "--json", str(tmp_path / "no" / "out.json")]) == 2
    assert "cannot write" in capsys.readouterr().err


def test_the_laws_are_listed_in_the_readme_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--laws"]) == 0
    listed = capsys.readouterr().out
    readme = (TESTS.parent / "README.md").read_text()
    for law in LAWS:
        assert law.holds in listed and f"| `{law.name}` | {law.holds} | {law.protects_from} |" in readme


def test_it_runs_as_a_module() -> None:
    command = [sys.executable, "-m", "lookahead_conformance", "--laws"]
    source = str(TESTS.parent / "src")
    done = subprocess.run(command, capture_output=True, text=True, env={"PYTHONPATH": source}, check=True)
    assert done.stdout.startswith("trajectory\n")


@pytest.mark.parametrize("name", cli.PACKAGES)
def test_the_packages_that_are_installed_can_be_checked(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    if importlib.util.find_spec(name) is None:
        pytest.skip(f"{name} is not installed")
    assert cli.main([name, "--law", "scheduler_after_load"]) in (0, 1)
    assert "scheduler_after_load" in capsys.readouterr().out
