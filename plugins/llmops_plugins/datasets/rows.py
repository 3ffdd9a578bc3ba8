"""From the records of any source to checked rows, and from the rows to splits."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import attrs

from llmops_plugins.datasets.options import FIELDS, SplitOptions, TableOptions
from llmops_sdk.plugin import Context, DataError, DatasetSplits, Record, write_splits

_MOST_VALUES = 1000
_SHOWN_VALUES = 20
_TOLD_EVERY = 500

Read = Callable[[], Iterator[tuple[str, Record]]]
"""Begins to read a source anew: where a record stands, as messages say it, and the record."""


@attrs.frozen
class Shape:
    """How records become rows.

    Attributes:
        columns: Row field to record field, where the names differ.
        instruction: The instruction of every row, or empty where records have their own.
        filter: Record field to the value, or the list of values, that keeps a record.
        drop: Record fields left out.
    """

    columns: Mapping[str, str] = attrs.field(factory=dict)
    instruction: str = ""
    filter: Mapping[str, Any] = attrs.field(factory=dict)
    drop: tuple[str, ...] = ()


def shape_of(options: TableOptions) -> Shape:
    """Return the shape that the options of a table describe."""
    return Shape(options.columns, options.instruction, options.filter)


def category_shape(category: str) -> Shape:
    """Return the shape of Dolly's records: one category without the field that names it, or all of them with it."""
    return Shape(filter={"category": category}, drop=("category",)) if category else Shape()


def make_splits(
    context: Context,
    options: SplitOptions,
    shape: Shape,
    read: Read,
    *,
    read_test: Read | None = None,
    source: Mapping[str, str],
) -> DatasetSplits:
    """Read a source, check its rows and write the splits; say what was dropped.

    Args:
        context: Of the step.
        options: How to split.
        shape: How records become rows.
        read: Begins to read the records.
        read_test: Begins to read the test records, where the source has its own.
        source: Facts about the origin worth recording.

    Raises:
        DataError: Names the record and the field that does not fit, or why the rows cannot be split.
    """
    with context.progress.task("reading the dataset", unit="records") as task:

        def rows_of(read: Read) -> Callable[[], Iterator[Record]]:
            def rows() -> Iterator[Record]:
                for number, row in enumerate(_rows(read(), shape), start=1):
                    if number % _TOLD_EVERY == 0:
                        task.advance(_TOLD_EVERY)
                    yield row

            return rows

        splits = write_splits(
            context.folder,
            rows_of(read),
            seed=options.seed,
            test_fraction=options.test_fraction if read_test is None else None,
            test_rows=None if read_test is None else rows_of(read_test),
            max_train_records=options.max_train_records,
            max_test_records=options.max_test_records,
            source=source,
        )
    context.log.info("%d train rows, %d test rows, from %s", splits.train.records, splits.test.records, dict(source))
    _tell_dropped(context, splits)
    return splits


def _tell_dropped(context: Context, splits: DatasetSplits) -> None:
    duplicates = int(splits.source["duplicates_dropped"])
    overlap = int(splits.source["overlap_dropped"])
    if duplicates:
        context.progress.log(f"{_counted(duplicates)} dropped that repeat an earlier row exactly")
    if overlap:
        context.progress.log(f"{_counted(overlap)} dropped from training whose instruction and context are tested")


def _counted(rows: int) -> str:
    return "1 row was" if rows == 1 else f"{rows} rows were"


def _rows(records: Iterator[tuple[str, Record]], shape: Shape) -> Iterator[Record]:
    """Yield the rows of the records that the filter keeps.

    Raises:
        DataError: A record lacks a field, or the filter keeps none.
    """
    values: dict[str, Counter[str]] = {field: Counter() for field in shape.filter}
    kept = False
    for where, record in records:
        matches = [_matches(record, field, wanted, values[field]) for field, wanted in shape.filter.items()]
        if all(matches):
            kept = True
            yield _row(record, where, shape)
    if shape.filter and not kept:
        raise DataError(_nothing_kept(shape.filter, values))


def _matches(record: Record, field: str, wanted: Any, values: Counter[str]) -> bool:
    """Compare as text, so that 2020 in a specification finds "2020" in a CSV file; count the values seen."""
    if field not in record:
        return False
    value = _as_text(record[field])
    if value in values or len(values) < _MOST_VALUES:
        values[value] += 1
    return value in [_as_text(choice) for choice in (wanted if isinstance(wanted, (list, tuple)) else [wanted])]


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _nothing_kept(wanted: Mapping[str, Any], values: Mapping[str, Counter[str]]) -> str:
    asked = " and ".join(f"{field} {_as_text(value)!r}" for field, value in wanted.items())
    found = []
    for field, counts in values.items():
        shown = [f"{value[:40]} ({count})" for value, count in counts.most_common(_SHOWN_VALUES)]
        more = ", ..." if len(counts) > _SHOWN_VALUES else ""
        found.append(f"{field} is one of: {', '.join(shown)}{more}" if shown else f"no record has a field {field!r}")
    return f"no record has {asked}; {'; '.join(found)}"


def _row(record: Record, where: str, shape: Shape) -> Record:
    """Return the three fields in their order, then the others by name, so that equal records give equal bytes."""
    taken = {shape.columns.get(field, field) for field in FIELDS}
    row = {field: _text(record, field, where, shape) for field in FIELDS}
    others = sorted(set(record) - taken - set(FIELDS) - set(shape.drop))
    return {**row, **{field: record[field] for field in others}}


def _text(record: Record, field: str, where: str, shape: Shape) -> str:
    if field == "instruction" and shape.instruction:
        return shape.instruction
    column = shape.columns.get(field, field)
    if column not in record:
        if field == "context" and field not in shape.columns:
            return ""
        message = (
            f"{where} has no field {column!r}; it has: {', '.join(sorted(record))};"
            f" say which field holds the {field} with columns: {{{field}: NAME}}"
        )
        raise DataError(message)
    text = record[column]
    if text is None and field == "context":
        return ""
    if not isinstance(text, str) or not (text.strip() or field == "context"):
        what = "is empty" if text is None or isinstance(text, str) else f"is of type {type(text).__name__}, not text"
        message = f"the field {column!r} of {where} {what}; every record needs its {field}"
        raise DataError(message)
    return text
