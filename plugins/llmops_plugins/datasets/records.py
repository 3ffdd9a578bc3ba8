"""Turns the rows of any source into records: those that the filter keeps, each with the known fields."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any

from llmops_plugins.datasets.options import DollyOptions, SampleOptions, TableOptions
from llmops_sdk.plugin import DataError, NamedRow, Record, RowMapping, value_at

_MAX_COUNTED_VALUES = 1000
_MAX_SHOWN_VALUES = 20
_PREVIEWED_ROWS = 1000
_NO_COLUMN = object()


class _NothingKeptError(DataError):
    """The filter keeps no row."""


ReadRows = Callable[[], Iterator[NamedRow]]
"""Reads a source from its start."""


def table_mapping(options: TableOptions) -> RowMapping:
    """Return the mapping that the options of a table describe."""
    labels = {str(number): label for number, label in enumerate(options.labels)}
    return RowMapping(options.columns, options.instruction, options.filter, labels=labels, group=options.group)


def category_mapping(options: SampleOptions | DollyOptions) -> RowMapping:
    """Return the mapping of Dolly's rows: one category without its field, or all categories with it."""
    if not options.category:
        return RowMapping(group=options.group)
    return RowMapping(filter={"category": options.category}, drop=("category",), group=options.group)


def first_record(read: ReadRows, mapping: RowMapping) -> Record | None:
    """Return the first record of a source, or None if the filter keeps none of the first rows.

    Raises:
        DataError: The source cannot be read, or its first row lacks a field.
    """
    rows = islice(read(), _PREVIEWED_ROWS if mapping.filter else 1)
    try:
        return next(records_of(rows, mapping, {}), None)
    except _NothingKeptError:
        return None


def records_of(rows: Iterator[NamedRow], mapping: RowMapping, left_out: dict[str, str]) -> Iterator[Record]:
    """Yield the records of the rows that the filter keeps.

    Args:
        rows: The rows.
        mapping: How rows become records.
        left_out: Gets the fields with values that JSON cannot hold, each with the first value's type and row.

    Raises:
        DataError: A row lacks a field, the filter keeps none, or none has the column that is named for the response.
    """
    values: dict[str, Counter[str]] = {field: Counter() for field in mapping.filter}
    kept: NamedRow | None = None
    response = mapping.columns.get("response", "")
    for row in rows:
        matches = [_matches(row.values, field, allowed, values[field]) for field, allowed in mapping.filter.items()]
        if all(matches):
            kept = row
            if response and value_at(row.values, response, _NO_COLUMN) is not _NO_COLUMN:
                response = ""
            yield mapping.record(row.values, row.name, left_out)
    if mapping.filter and not kept:
        raise _NothingKeptError(_nothing_kept(mapping.filter, values))
    if response and kept:
        message = (
            f"no record has the field {response!r}, the last being {kept.name}; available: {', '.join(sorted(kept.values))};"
            " name the field of the response with columns: {response: NAME}"
        )
        raise DataError(message)


def _matches(row: Record, field: str, allowed: Any, values: Counter[str]) -> bool:
    """Compare as text, so that 2020 in a specification matches "2020" in a CSV file; count the values seen."""
    kept = value_at(row, field, _NO_COLUMN)
    if kept is _NO_COLUMN:
        return False
    value = _as_text(kept)
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
