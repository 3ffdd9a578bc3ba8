"""The importer `table`: files with a row for each record and candidate, whatever made them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import attrs

from llmops_plugins.importers.known_metrics import known_metric
from llmops_plugins.importers.options import TableImportOptions
from llmops_plugins.importers.tables.columns import Columns, choose_columns
from llmops_plugins.importers.values import text_of
from llmops_sdk.plugin import (
    Answer,
    Context,
    DataError,
    ImportedResults,
    ImportedRow,
    Importer,
    Metric,
    MissingExtraError,
    NamedRow,
    Record,
    Table,
    digest,
    file_sha256,
    id_text,
    name_of_file,
    number_of,
    open_table,
    text_fingerprint,
    value_at,
)

_PEEKED = 100
"""Rows whose fields are looked at to choose the columns."""

_FEWEST_FIELDS = 2
_MOST_NAMES = 200
_MILLISECONDS = 1_000.0
_FAILED = "failed"
"""The state of a score in a table of a run: the candidate's own failure."""

_LOWER_IS_BETTER = frozenset({"loss", "error_rate", "errors", "hallucination", "violations", "edit_distance"})
"""Names of metrics of which less is better, beside those that are known from tools."""


class TableImporter(Importer):
    """Reads plain tables."""

    options: TableImportOptions

    def recognizes(self, path: Path) -> bool:
        """Return whether a file is a table whose first row has two fields or more."""
        if not path.is_file():
            return False
        try:
            first = next(open_table(path).rows(), None)
        except MissingExtraError:
            return True  # `read` says what to install
        except (DataError, OSError):
            return False
        return first is not None and len(first.values) >= _FEWEST_FIELDS

    def read(self, context: Context, path: Path) -> Iterator[ImportedResults]:
        """Yield the results of each candidate and dataset in the file."""
        table = open_table(path, encoding=self.options.encoding, separator=self.options.delimiter)
        first = [row.values for row in islice(table.rows(), _PEEKED)]
        if not first:
            message = f"{path.name!r} has no rows"
            raise DataError(message)
        columns = choose_columns(first, self.options, path.name)
        parts = _find_parts(table, columns, self.options)
        if parts.candidate and not self.options.candidate:
            context.progress.log(f"{path.name}: {len(parts.candidates)} candidates, by the field {parts.candidate!r}")
        details = {"file": path.name, "sha256": file_sha256(path), "format": table.description}
        for candidate in parts.candidates:
            for dataset in parts.datasets:
                chosen = {parts.candidate: candidate, parts.dataset: dataset}
                rows = _rows(table, {field: value for field, value in chosen.items() if field})
                yield ImportedResults(
                    candidate=candidate or name_of_file(path) or path.name,
                    dataset=dataset or name_of_file(path) or path.name,
                    metrics=tuple(map(_metric, parts.metrics or columns.scores)),
                    rows=_joined(rows, columns) if columns.metric else (_imported(row, columns) for row in rows),
                    details=details,
                    has_outputs=bool(columns.answer),
                )


@attrs.frozen
class _Parts:
    """What one file has the results of.

    Attributes:
        candidate: The field with the candidate's name; empty where the file has one candidate.
        candidates: Their names; a single empty one without such a field.
        dataset: The field with the dataset's name, or empty.
        datasets: Their names; a single empty one without such a field.
        metrics: The names of the metrics, in a table with a row for each of them.
    """

    candidate: str
    candidates: tuple[str, ...]
    dataset: str
    datasets: tuple[str, ...]
    metrics: tuple[str, ...]


def _find_parts(table: Table, columns: Columns, options: TableImportOptions) -> _Parts:
    """Read the file once to find its candidates, datasets and metrics.

    A field with a usual name counts as that of the candidate only if it has several values: otherwise the file is called
    as the user has named it.
    """
    fields = (*columns.candidates, *columns.datasets, *([columns.metric] if columns.metric else []))
    names: dict[str, dict[str, None]] = {field: {} for field in fields}
    for row in table.rows() if names else ():
        for field, values in names.items():
            if len(values) <= _MOST_NAMES:
                values[text_of(value_at(row.values, field, None))] = None
    fewest = 0 if options.candidate else 1
    candidate = next((field for field in columns.candidates if fewest < len(names[field]) <= _MOST_NAMES), "")
    dataset = next((field for field in columns.datasets if len(names[field]) <= _MOST_NAMES), "")
    return _Parts(
        candidate,
        tuple(names[candidate]) if candidate else ("",),
        dataset,
        tuple(names[dataset]) if dataset else ("",),
        tuple(names[columns.metric]) if columns.metric else (),
    )


def _metric(name: str) -> Metric:
    """Return a metric; of one that is not known, more is better."""
    short = name.rpartition(".")[2]
    known = attrs.evolve(known_metric(short), name=name)
    if known.higher_is_better is not None:
        return known
    return attrs.evolve(known, higher_is_better=short.lower() not in _LOWER_IS_BETTER)


def _rows(table: Table, chosen: Mapping[str, str]) -> Iterator[NamedRow]:
    """Yield the rows with some values."""
    for row in table.rows():
        if all(text_of(value_at(row.values, field, None)) == value for field, value in chosen.items()):
            yield row


def _joined(rows: Iterator[NamedRow], columns: Columns) -> Iterator[ImportedRow]:
    """Yield the rows of a table with a row for each metric, those of one answer as one.

    All are held in memory: such a table may be sorted by its metrics.
    """
    answers: dict[tuple[str, int], ImportedRow] = {}
    seen: Counter[tuple[str, str]] = Counter()
    for row in rows:
        metric = text_of(value_at(row.values, columns.metric, None))
        own = attrs.evolve(columns, scores=dict.fromkeys([metric], next(iter(columns.scores.values()))))
        imported = _imported(row, own)
        repeat = seen[imported.key, metric]
        seen[imported.key, metric] += 1
        answers[imported.key, repeat] = _with_scores(answers.get((imported.key, repeat)), imported)
    yield from answers.values()


def _with_scores(earlier: ImportedRow | None, row: ImportedRow) -> ImportedRow:
    """Return a row with the scores of another one of the same answer."""
    if earlier is None or earlier.answer is None:
        return row
    if row.answer is None:
        return earlier
    return attrs.evolve(row, answer=attrs.evolve(row.answer, scores={**earlier.answer.scores, **row.answer.scores}))


def _imported(row: NamedRow, columns: Columns) -> ImportedRow:
    values = row.values
    asked, reference = _text(values, columns.input), _text(values, columns.reference)
    context = _text(values, columns.context)
    identity = (
        id_text(value_at(values, columns.id, None)) if columns.id else digest(text_fingerprint(f"{asked}\n{context}"))
    )
    if not identity:
        message = f"{row.name} has no {columns.id!r} to pair it by"
        raise DataError(message)
    scores = _scores(row, columns)
    error = _text(values, columns.error)
    output = _text(values, columns.answer)
    answer = (
        Answer(output=output, scores=scores, **_numbers(values, columns)) if scores or (output and not error) else None
    )
    agreed = {"prompt": f"{asked}\n{context}" if context else asked, "target": reference}
    return ImportedRow(
        key=identity,
        record=_record(values, columns, asked, context, reference),
        answer=answer,
        error="" if answer else error or "the row has no score",
        is_missing=answer is None and values.get(columns.state) != _FAILED,
        must_agree={name: text_fingerprint(text) for name, text in agreed.items() if text.strip()},
        group=id_text(value_at(values, columns.group, None)) if columns.group else "",
    )


def _record(values: Record, columns: Columns, asked: str, context: str, reference: str) -> Record:
    texts = {"instruction": asked, "context": context, "response": reference}
    own = {name: values[name] for name in (columns.id, columns.group) if name in values}
    return {**{name: text for name, text in texts.items() if text}, **own}


def _scores(row: NamedRow, columns: Columns) -> dict[str, float]:
    scores = {}
    for metric, field in columns.scores.items():
        try:
            number = number_of(value_at(row.values, field, None))
        except ValueError as exc:
            message = f"the score {field!r} of {row.name}: {exc}; name a field with numbers with --score NAME"
            raise DataError(message) from exc
        if number is not None:
            scores[metric] = number
    return scores


def _numbers(values: Record, columns: Columns) -> dict[str, Any]:
    """Return the numbers of an answer that the row has; what is no number is left out."""
    numbers: dict[str, Any] = {}
    for attribute, field in columns.numbers.items():
        try:
            number = number_of(values.get(field))
        except ValueError:
            continue
        if number is None or number < 0:
            continue
        if attribute == "latency" and field.lower().endswith("ms"):
            number /= _MILLISECONDS
        numbers[attribute] = int(number) if attribute.endswith("tokens") else number
    return numbers


def _text(values: Record, field: str) -> str:
    return text_of(value_at(values, field, None)) if field else ""
