"""What `llmops init` shows of a file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from llmops_sdk.cli.output.text import echo
from llmops_sdk.data.profile import ColumnProfile, FileProfile, middle

_MOST_COLUMNS = 30
_SHOWN = 70


def show_profile(profile: FileProfile) -> None:
    """Write what a file holds, and what would be asked and compared."""
    counted = f"{profile.rows:,} rows" if profile.is_counted else f"more than {profile.rows:,} rows"
    echo(f"{profile.table.path.name}: {profile.table.description}, {counted}")
    if not profile.table.is_as_named:
        echo("  (its name says something else; the content decides)")
    for name, text in _lines(profile):
        echo(f"  {name:<10} {text}")


def _lines(profile: FileProfile) -> Iterator[tuple[str, str]]:
    yield (
        "shape",
        profile.shape.title if profile.shape else "not one of the known ones: the columns are guessed by name",
    )
    yield "columns", _columns(profile.columns, min(profile.rows, _rows_profiled(profile)))
    if profile.first is not None:
        mapping = profile.mapping
        columns = {field: repr(column) for field, column in mapping.columns.items()}
        instruction = (
            "the same for all" if mapping.instruction else columns.get("instruction") or columns.get("messages")
        )
        asked = [instruction or "", columns.get("context", "")]
        yield "prompt", f"{_of(asked)}{_lengths(profile.inputs)}"
        parts = [profile.first["instruction"], "" if "messages" in profile.first else profile.first["context"]]
        yield "", repr(_short(" ".join(parts)))
        yield "reference", _reference(profile, columns.get("response", ""))
        if "response" in profile.first:
            yield "", repr(_short(str(profile.first["response"])))
    if profile.labels:
        yield "labels", ", ".join(profile.labels)
    if profile.group:
        yield "groups", f"by {profile.group!r}: records with the same value stay in one split"
    if profile.problem:
        yield "problem", profile.problem


def _rows_profiled(profile: FileProfile) -> int:
    return max((column.values for column in profile.columns), default=0)


def _of(columns: Sequence[str]) -> str:
    named = [column for column in columns if column]
    return f"{' and '.join(named)}, " if named else ""


def _reference(profile: FileProfile, column: str) -> str:
    if not profile.answered:
        return "none: metrics that need one leave the records unscored"
    lengths = [length for length in profile.references if length]
    missing = len(profile.references) - len(lengths)
    without = f"; {missing:,} of {len(profile.references):,} records have none" if missing else ""
    return f"{_of([column])}{_lengths(lengths)}{without}"


def _lengths(lengths: Sequence[int]) -> str:
    return f"{middle(lengths):,} characters in the median, {max(lengths, default=0):,} at most"


def _columns(columns: Sequence[ColumnProfile], rows: int) -> str:
    shown = [
        f"{column.name} ({column.kind}{f', in {column.values:,} rows' if column.values < rows else ''})"
        for column in columns[:_MOST_COLUMNS]
    ]
    more = f", and {len(columns) - _MOST_COLUMNS} more" if len(columns) > _MOST_COLUMNS else ""
    return f"{', '.join(shown)}{more}"


def _short(text: str) -> str:
    one_line = " ".join(text.split())
    return one_line if len(one_line) <= _SHOWN else f"{one_line[:_SHOWN]}..."
