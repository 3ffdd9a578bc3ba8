"""Importers: a file of the tool is recognized and read, any other one is not, and a broken one is a clear error."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from llmops_sdk.plugin.cards import ImporterCard
from llmops_sdk.plugin.interfaces import Importer
from llmops_sdk.testing.rules.trial import Trial, show
from llmops_sdk.values.imports import ImportedResults, ImportedRow
from llmops_sdk.values.serial import to_json

_OTHERS = {
    "empty": b"",
    "blank": b"\n\n",
    "binary": bytes(range(256)) * 4,
    "truncated.json": b'{"results": [{"id": 1, "score": ',
    "nan.jsonl": b'{"id": 1, "score": NaN}\n',
}
"""Files that the tool did not write."""


def try_importer(trial: Trial) -> Any:
    """Read the given file, and files that are none of the tool; return what the given one has."""
    importer = trial.make()
    if not isinstance(importer, Importer):
        trial.stop("card", f"its implementation is a {type(importer).__name__}, not an Importer")
    _try_others(trial, importer)
    file = trial.inputs.file
    if file is None:
        trial.stop("inputs", "it needs a file to read: file=")
    with trial.rule("interface", f"recognizes({file.name!r})"):
        recognized = importer.recognizes(file)
    if recognized is not True:
        trial.broken("interface", f"recognizes({file.name!r}) returned {show(recognized)}, not True")
    with trial.rule("interface", f"read({file.name!r})"):
        results = [_results(trial, results) for results in importer.read(trial.context(), file)]
    if not results:
        trial.broken("interface", f"read yielded no results of {file.name!r}")
    return results


def _results(trial: Trial, results: ImportedResults) -> Any:
    if not isinstance(results, ImportedResults):
        trial.stop("interface", f"read yielded {show(results)}, no ImportedResults")
    names = {metric.name for metric in results.metrics}
    rows = []
    for row in results.rows:
        if not isinstance(row, ImportedRow):
            trial.stop("interface", f"a row is {show(row)}, no ImportedRow")
        rows.append(to_json(row))
        if row.answer is None:
            continue
        trial.finite(f"row {row.key!r}", row.answer.scores)
        if unknown := row.answer.scores.keys() - names:
            trial.broken("interface", f"row {row.key!r} has the metric {min(unknown)!r}, which is not among metrics")
    return {"candidate": results.candidate, "dataset": results.dataset, "metrics": sorted(names), "rows": rows}


def _try_others(trial: Trial, importer: Importer) -> None:
    if trial.skips("empty-input"):
        return
    folder = trial.folder()
    for name, data in _OTHERS.items():
        path = folder / name
        path.write_bytes(data)
        trial.keep("empty-input")
        try:
            recognized: Any = importer.recognizes(path)
        except Exception as exc:  # noqa: BLE001 - whatever it raises is noted
            trial.broken("empty-input", f"recognizes raised {type(exc).__name__}: {exc} for a file that is {name}")
            continue
        is_fallback = isinstance(trial.card, ImporterCard) and trial.card.is_fallback
        if recognized and not is_fallback:
            trial.broken("empty-input", f"recognizes returned True for a file that is {name}")
        trial.clear_error("empty-input", f"reading a file that is {name}", partial(_read_all, trial, importer, path))


def _read_all(trial: Trial, importer: Importer, path: Path) -> int:
    """Read all rows of a file, and return their number."""
    return sum(len(list(results.rows)) for results in importer.read(trial.context(), path))
