"""Rows for JSONL files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from llmops_sdk.plugin import DatasetSource, DatasetSplits

Load = Callable[[DatasetSource], DatasetSplits]

ROW = {"instruction": "Summarize.", "context": "text", "response": "short"}
COLUMNS = {"context": "article", "response": "highlights"}


def write_rows(path: Path, rows: list[dict[str, Any]]) -> str:
    """Write a JSONL file and return its path."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def article_rows(count: int, start: int = 0) -> list[dict[str, Any]]:
    """Rows with other column names, which `COLUMNS` maps."""
    return [
        {"title": f"t{n}", "article": f"text {n}", "highlights": f"short {n}", "year": 2019 + n % 2, "ok": n % 3 == 0}
        for n in range(start, start + count)
    ]
