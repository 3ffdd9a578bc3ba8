"""Turns the rows of any source into checked records, and the records into splits."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any

import attrs

from llmops_plugins.datasets.options import FIELDS, SplitOptions, TableOptions
from llmops_sdk.plugin import Context, DataError, DatasetSplits, Record, write_splits

_MAX_COUNTED_VALUES = 1000
_MAX_SHOWN_VALUES = 20
_PROGRESS_INTERVAL = 500
_PREVIEWED_ROWS = 1000
_NO_JSON = object()
_json = json.JSONEncoder(ensure_ascii=False, allow_nan=False)


class _NothingKeptError(DataError):
    """The filter keeps no row."""


ReadRows = Callable[[], Iterator[tuple[str, Record]]]
"""Reads a source from its start: each row with its name in messages."""


@attrs.frozen
class RowMapping:
    """How rows become records.

    Attributes:
        columns: Record field to row field, where the names differ.
        instruction: The instruction of every record, or empty if rows have their own.
        filter: Row field to the value, or the list of values, that keeps a row.
        drop: Row fields left out of the record.
    """

    columns: Mapping[str, str] = attrs.field(factory=dict)
    instruction: str = ""
    filter: Mapping[str, Any] = attrs.field(factory=dict)
    drop: tuple[str, ...] = ()


def table_mapping(options: TableOptions) -> RowMapping:
    """Return the mapping that the options of a table describe."""
    return RowMapping(options.columns, options.instruction, options.filter)


def category_mapping(category: str) -> RowMapping:
    """Return the mapping of Dolly's rows: one category without its field, or all categories with it."""
    return RowMapping(filter={"category": category}, drop=("category",)) if category else RowMapping()


def first_record(read: ReadRows, mapping: RowMapping) -> Record | None:
    """Return the first record of a source, or None if the filter keeps none of the first rows.

    Raises:
        DataError: The source cannot be read, or its first row lacks a field.
    """
    rows = islice(read(), _PREVIEWED_ROWS if mapping.filter else 1)
    try:
        return next(_records(rows, mapping, {}), None)
    except _NothingKeptError:
        return None


def make_splits(
    context: Context,
    options: SplitOptions,
    mapping: RowMapping,
    read: ReadRows,
    *,
    read_test: ReadRows | None = None,
    source: Mapping[str, str],
) -> DatasetSplits:
    """Read a source, check its records and write the splits; log what was dropped.

    Args:
        context: The step's.
        options: How to split.
        mapping: How rows become records.
        read: Reads the rows.
        read_test: Reads the rows of the test split, if the source has one.
        source: What to record about the origin.

    Raises:
        DataError: Names the row and the field that cannot be used, or why the records cannot be split.
    """
    left_out: dict[str, str] = {}
    with context.progress.task("reading the dataset", unit="records") as task:

        def records_of(read: ReadRows) -> Callable[[], Iterator[Record]]:
            def records() -> Iterator[Record]:
                for number, record in enumerate(_records(read(), mapping, left_out), start=1):
                    if number % _PROGRESS_INTERVAL == 0:
                        task.advance(_PROGRESS_INTERVAL)
                    yield record

            return records

        splits = write_splits(
            context.folder,
            records_of(read),
            seed=options.seed,
            test_fraction=options.test_fraction if read_test is None else None,
            test_rows=None if read_test is None else records_of(read_test),
            max_train_records=options.max_train_records,
            max_test_records=options.max_test_records,
            source=source,
        )
    train, test = splits.train.records, splits.test.records
    context.log.info("%d training records, %d test records, from %s", train, test, dict(source))
    _log_dropped(context, splits)
    if left_out:
        fields = ", ".join(f"{field!r} ({first})" for field, first in sorted(left_out.items()))
        context.progress.log(f"left out of records, because JSON cannot hold the value: {fields}")
    return splits


def _log_dropped(context: Context, splits: DatasetSplits) -> None:
    duplicates = int(splits.source["duplicates_dropped"])
    overlap = int(splits.source["overlap_dropped"])
    if duplicates:
        context.progress.log(f"dropped {_count(duplicates, 'record')} equal to an earlier one")
    if overlap:
        context.progress.log(
            f"dropped {_count(overlap, 'training record')} with the instruction and context of a test record"
        )


def _count(number: int, noun: str) -> str:
    return f"1 {noun}" if number == 1 else f"{number} {noun}s"


def _records(rows: Iterator[tuple[str, Record]], mapping: RowMapping, left_out: dict[str, str]) -> Iterator[Record]:
    """Yield the records of the rows that the filter keeps.

    Args:
        rows: Each with its name in messages.
        mapping: How rows become records.
        left_out: Gets the fields with values that JSON cannot hold, each with the first value's type and row.

    Raises:
        DataError: A row lacks a field, or the filter keeps none.
    """
    values: dict[str, Counter[str]] = {field: Counter() for field in mapping.filter}
    kept = False
    for name, row in rows:
        matches = [_matches(row, field, allowed, values[field]) for field, allowed in mapping.filter.items()]
        if all(matches):
            kept = True
            yield _record(row, name, mapping, left_out)
    if mapping.filter and not kept:
        raise _NothingKeptError(_nothing_kept(mapping.filter, values))


def _matches(row: Record, field: str, allowed: Any, values: Counter[str]) -> bool:
    """Compare as text, so that 2020 in a specification matches "2020" in a CSV file; count the values seen."""
    if field not in row:
        return False
    value = _as_text(row[field])
    if value in values or len(values) < _MAX_COUNTED_VALUES:
        values[value] += 1
    return value in [_as_text(choice) for choice in (allowed if isinstance(allowed, (list, tuple)) else [allowed])]


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _nothing_kept(filters: Mapping[str, Any], values: Mapping[str, Counter[str]]) -> str:
    conditions = " and ".join(f"{field} {_as_text(value)!r}" for field, value in filters.items())
    known = []
    for field, counts in values.items():
        shown = [f"{value[:40]} ({count})" for value, count in counts.most_common(_MAX_SHOWN_VALUES)]
        more = ", ..." if len(counts) > _MAX_SHOWN_VALUES else ""
        known.append(f"{field} is one of: {', '.join(shown)}{more}" if shown else f"no record has a field {field!r}")
    return f"no record has {conditions}; {'; '.join(known)}"


def _record(row: Record, name: str, mapping: RowMapping, left_out: dict[str, str]) -> Record:
    """Return the three fields in their order, then the others by name, so that equal rows give equal bytes."""
    mapped = {mapping.columns.get(field, field) for field in FIELDS}
    record: dict[str, Any] = {field: _text(row, field, name, mapping) for field in FIELDS}
    for field in sorted(set(row) - mapped - set(FIELDS) - set(mapping.drop)):
        value = _json_value(row[field])
        if value is _NO_JSON or not _is_utf8(field):
            if field not in left_out:
                left_out[field] = f"{_describe(row[field])} in {name}"
        else:
            record[field] = value
    return record


def _json_value(value: Any) -> Any:
    """Return the value of a field that nothing uses as JSON has it: NaN, which means missing, is null.

    `_NO_JSON` stands for all that JSON cannot hold, also inside a list or a structure.
    """
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, str):
        return value if _is_utf8(value) else _NO_JSON
    if isinstance(value, float):
        return value if math.isfinite(value) else None if math.isnan(value) else _NO_JSON
    try:
        _json.encode(value).encode()
    except (TypeError, ValueError, RecursionError):
        return _repaired(value)
    return value


def _repaired(value: Any) -> Any:
    """Return a list or a structure with null for NaN inside it, or `_NO_JSON`."""
    try:
        if isinstance(value, dict) and all(isinstance(key, str) and _is_utf8(key) for key in value):
            items = {key: _json_value(item) for key, item in value.items()}
            return _NO_JSON if any(item is _NO_JSON for item in items.values()) else items
        if isinstance(value, (list, tuple)):
            values = [_json_value(item) for item in value]
            return _NO_JSON if any(item is _NO_JSON for item in values) else values
    except RecursionError:
        pass
    return _NO_JSON


def _is_utf8(text: str) -> bool:
    """Return whether a text has no half of a surrogate pair, which UTF-8 cannot hold."""
    try:
        return text.isascii() or bool(text.encode())
    except UnicodeEncodeError:
        return False


def _describe(value: Any) -> str:
    """Return what a value is, in a word or two."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "an infinite number"
    if isinstance(value, str):
        return "half of a surrogate pair"
    return f"of type {type(value).__name__}"


def _text(row: Record, field: str, name: str, mapping: RowMapping) -> str:
    if field == "instruction" and mapping.instruction:
        return mapping.instruction
    column = mapping.columns.get(field, field)
    if column not in row:
        if field == "context" and field not in mapping.columns:
            return ""
        message = (
            f"{name} has no field {column!r}; available: {', '.join(sorted(row))};"
            f" name the field of the {field} with columns: {{{field}: NAME}}"
        )
        raise DataError(message)
    value = row[column]
    if value is None and field == "context":
        return ""
    if isinstance(value, int) and field != "instruction":  # labels, counts, true and false
        return json.dumps(value)
    if isinstance(value, str) and _is_utf8(value) and (value.strip() or field == "context"):
        return value
    is_empty = value is None or (isinstance(value, str) and not value.strip())
    problem = "is empty" if is_empty else f"is {_describe(value)}, not text"
    message = (
        f"the field {column!r} of {name} {problem}; every record needs its {field}: correct or remove the record,"
        f" or name another field with columns: {{{field}: NAME}}"
    )
    raise DataError(message)
