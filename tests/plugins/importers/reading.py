"""Reads files with an importer, as `llmops compare` does."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import attrs

from llmops_sdk.plugin import Context, ImportedResults, ImportedRow, Importer


@attrs.frozen
class Read:
    """What an importer yielded for one candidate on one dataset."""

    results: ImportedResults
    rows: list[ImportedRow]

    def scores(self, metric: str) -> list[float | None]:
        """The scores of a metric, in the order of the rows."""
        return [row.answer.scores.get(metric) if row.answer else None for row in self.rows]

    @property
    def metrics(self) -> dict[str, tuple[bool | None, tuple[float, float] | None]]:
        """Direction and bounds of the metrics, by name."""
        return {metric.name: (metric.higher_is_better, metric.bounds) for metric in self.results.metrics}


def read(importer: Importer, path: Path) -> list[Read]:
    """Return all that a path has; the importer must recognize it."""
    assert importer.recognizes(path)
    context = Context(folder=path.parent / "work", home=path.parent / "home")
    return [Read(results, list(results.rows)) for results in importer.read(context, path)]


def write_lines(path: Path, values: Iterable[Any]) -> Path:
    """Write JSON lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(value) + "\n" for value in values), encoding="utf-8")
    return path
