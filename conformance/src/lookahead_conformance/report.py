"""The table that a person reads, 80 columns wide."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from lookahead_conformance.laws import Result

WIDTH = 80
LAW, VERDICT = 22, 16


def table(title: str, results: Sequence[Result]) -> str:
    """One optimizer's results, one law after the other."""
    failed, offered = sum(result.fails for result in results), sum(r.status != "not offered" for r in results)
    lines = [title, "-" * WIDTH]
    for result in results:
        head = f"{result.law:<{LAW}}{_verdict(result):<{VERDICT}}"
        said = textwrap.wrap(result.where or result.note or "", WIDTH - LAW - VERDICT) or [""]
        lines.append(f"{head}{said[0]}".rstrip())
        lines += [" " * (LAW + VERDICT) + more for more in said[1:]]
    lines.append(f"{offered} laws checked, {failed} failed, {len(results) - offered} not offered\n")
    return "\n".join(lines)


def _verdict(result: Result) -> str:
    if result.status == "deviates" and result.deviation is not None:
        return f"off by {result.deviation:.1e}"[:VERDICT]
    return {"deviates": "fails"}.get(result.status, result.status)
