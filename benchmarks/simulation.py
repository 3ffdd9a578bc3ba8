"""What the simulations share: cells drawn side by side, and tables that are written into the page of the method."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[1] / "docs" / "explanation" / "comparison-method.md"


def simulate_each(
    pool: ProcessPoolExecutor, function: Callable[[Any], Any], keys: Sequence[Any], title: str
) -> dict[Any, Any]:
    """Return what a function gives for each key; a line on standard error for each that is done."""
    results: dict[Any, Any] = {}
    for key, result in zip(keys, pool.map(function, keys), strict=True):
        results[key] = result
        print(f"{title} {len(results)} of {len(keys)}: {key} {result}", file=sys.stderr, flush=True)
    return results


def write_tables(mark: str, text: str) -> None:
    """Replace what stands in the page between a mark and the next heading."""
    page = PAGE.read_text(encoding="utf-8")
    written = re.sub(
        rf"({mark}).*?(?=^## |\Z)",
        lambda match: f"{match[1]}\n{text}\n\n",
        page,
        count=1,
        flags=re.DOTALL | re.MULTILINE,
    )
    PAGE.write_text(written, encoding="utf-8")


def table(title: str, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown below its title."""
    lines = [title, "", f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])
