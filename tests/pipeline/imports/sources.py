"""Files of results, finished runs, and a quick way to compare them."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from llmops_sdk import LocalStore, Pipeline, Progress, Registry, Result, compare
from llmops_sdk.pipeline.imports.entries import Entry, Spread


class Lines(Progress):
    """Progress that keeps its lines."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def log(self, text: str) -> None:
        self.lines.append(text)


def write_csv(path: Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    """Write rows as a CSV file, with the fields of the first one as its header."""
    rows = list(rows)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def scores(path: Path, numbers: Iterable[Any], **fields: Any) -> Path:
    """Write a CSV file with one score for each record; the records are called q0, q1, ..."""
    return write_csv(path, [{"id": f"q{place}", "score": number, **fields} for place, number in enumerate(numbers)])


def compare_files(folder: Path, registry: Registry, *sources: Path | str, **arguments: Any) -> Result:
    """Compare without showing anything."""
    return compare(sources, store=LocalStore(folder / "runs"), progress=Progress(), registry=registry, **arguments)


def run_echoes(folder: Path, registry: Registry, **changes: Any) -> Result:
    """Run a pipeline with a candidate that is right, and one that is wrong on each third record."""
    pipeline = (
        Pipeline.builder("echoes")
        .with_dataset("lines", records=30, test_fraction=1.0)
        .with_prompt("bare")
        .with_model("echo", name="loud", fine_tune=False, voice=changes.get("voice", "loud"))
        .with_model("echo", name="quiet", fine_tune=False, voice="unsteady")
        .with_evaluator("echo-score")
    )
    return pipeline.run(store=LocalStore(folder / "runs"), progress=Progress(), registry=registry)


def entry(candidate: str, dataset: str = "d", *, source: int = 0, number: int = 0, **values: Any) -> Entry:
    """Return an entry; `scores` are metric names to numbers."""
    numbers: Mapping[str, Iterable[float]] = values.pop("scores", {})
    made = Entry(
        number=number,
        source=source,
        source_label=values.pop("source_label", f"file{source}.csv"),
        source_name=f"file{source}",
        given_name=values.pop("given_name", ""),
        candidate=candidate,
        dataset=dataset,
        must_agree=values.pop("must_agree", {}),
        details={},
        has_outputs=True,
        **values,
    )
    for metric, each in numbers.items():
        for score in each:
            made.spreads.setdefault(metric, Spread()).add(score)
    return made
