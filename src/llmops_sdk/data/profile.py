"""What a file of rows holds: its columns, what would be asked and compared, and what the answers look like."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from statistics import median
from typing import Any

import attrs

from llmops_sdk.data.conversations import is_conversation
from llmops_sdk.data.files.table import NamedRow, Table
from llmops_sdk.data.json_values import is_missing
from llmops_sdk.data.mapping import RowMapping
from llmops_sdk.data.shapes import RowShape, find_shape
from llmops_sdk.errors import DataError
from llmops_sdk.values.data import Record

MOST_COUNTED = 200_000
"""The number of rows after which they are no longer counted."""

_PROFILED = 5_000
_MOST_VALUES = 1_000
_DEPTH = 3
_MOST_LABELS = 20
_ROWS_PER_LABEL = 2
_LEAST_GROUPS = 5
_NAMES = {
    "messages": ("messages", "conversations", "conversation", "chat", "turns", "dialog", "dialogue"),
    "instruction": ("instruction", "question", "prompt", "query", "request", "task"),
    "context": (
        "context", "text", "document", "article", "passage", "content", "body", "source", "sentence", "message", "review",
        "ticket", "post", "dialogue", "dialog", "input",
    ),
    "response": (
        "response", "answer", "answers", "completion", "reference", "references", "target", "output", "expected", "ideal",
        "gold", "ground_truth", "label_text", "label", "labels", "class", "category", "sentiment", "intent", "summary",
        "highlights", "translation", "abstract",
    ),
}  # fmt: skip
_GROUPS = re.compile(r"(conversation|session|thread|dialogue?|document|doc|article|customer|user|patient|group)(_?id)?")
_TRANSLATION = "translation."
_SUMMARIES = ("summary", "highlights", "abstract")


@attrs.frozen
class ColumnProfile:
    """One column, or a field inside one.

    Attributes:
        name: Its name or path.
        kind: `text`, `number`, `true or false`, `list`, `conversation`, or `empty`.
        values: The number of rows with a value.
        longest: The length of the longest text, in characters.
        repeats: Whether some value stands in several rows, of those that were counted.
        distinct: The number of different values, of those that were counted.
    """

    name: str
    kind: str
    values: int
    longest: int = 0
    repeats: bool = False
    distinct: int = 0


@attrs.frozen(kw_only=True)
class FileProfile:
    """What a file holds, by its first rows.

    Attributes:
        table: The file.
        rows: The number of its rows, at most `MOST_COUNTED`.
        columns: Its columns, in the order of their first appearance.
        shape: The known shape of its first row, if it has one.
        mapping: How rows become records: by the shape, or by columns that were guessed by their names.
        first: The first record; None if there is none.
        problem: Why a row is no record; empty if all are.
        inputs: The lengths of what is asked, in characters.
        references: The lengths of the references, in characters; 0 without one.
        labels: The different references, if they are few and short, as those of a classification are.
    """

    table: Table
    rows: int
    columns: tuple[ColumnProfile, ...]
    shape: RowShape | None
    mapping: RowMapping
    first: Record | None = None
    problem: str = ""
    inputs: tuple[int, ...] = ()
    references: tuple[int, ...] = ()
    labels: tuple[str, ...] = ()

    @property
    def is_counted(self) -> bool:
        """Whether `rows` is the number of all rows."""
        return self.rows < MOST_COUNTED

    @property
    def answered(self) -> int:
        """The number of profiled records with a reference."""
        return sum(map(bool, self.references))

    @property
    def group(self) -> str:
        """A column whose values join several rows, such as `conversation_id`; empty without one."""
        return next(
            (
                column.name
                for column in self.columns
                if _GROUPS.fullmatch(column.name.lower()) and column.repeats and column.distinct >= _LEAST_GROUPS
            ),
            "",
        )


def profile_table(table: Table) -> FileProfile:
    """Look at a file: at its first 5,000 rows closely, and at the others to count them.

    Raises:
        DataError: It cannot be read.
    """
    reading = table.rows()
    rows = list(islice(reading, _PROFILED))
    count = len(rows) + sum(1 for _ in islice(reading, MOST_COUNTED - len(rows)))
    columns = _columns(rows)
    if not rows:
        return FileProfile(
            table=table, rows=0, columns=columns, shape=None, mapping=RowMapping(), problem="it has no rows"
        )
    shape = find_shape(rows[0].values)
    mapping = RowMapping() if shape else _guessed(columns)
    records: list[Mapping[str, Any]] = []
    problem = ""
    for row in rows:
        try:
            records.append(mapping.record(row.values, row.name, {}))
        except DataError as exc:
            problem = problem or str(exc)
    references = [str(record.get("response", "")) for record in records]
    labels = _labels(references)
    if labels and mapping.instruction:
        mapping = attrs.evolve(mapping, instruction=_classification(labels))
        records = [{**record, "instruction": mapping.instruction} for record in records]
    return FileProfile(
        table=table,
        rows=count,
        columns=columns,
        shape=shape,
        mapping=mapping,
        first=records[0] if records else None,
        problem=problem,
        inputs=tuple(len(record["instruction"]) + len(record["context"]) for record in records),
        references=tuple(map(len, references)),
        labels=labels,
    )


def middle(lengths: Sequence[int]) -> int:
    """Return the median, rounded down; 0 for no lengths."""
    return int(median(lengths)) if lengths else 0


def _columns(rows: Sequence[NamedRow]) -> tuple[ColumnProfile, ...]:
    kinds: dict[str, Counter[str]] = {}
    longest: Counter[str] = Counter()
    values: dict[str, Counter[Any]] = {}
    for row in rows:
        for name, value in _leaves(row.values):
            kinds.setdefault(name, Counter())[_kind(value)] += 1
            if isinstance(value, str):
                longest[name] = max(longest[name], len(value))
            seen = values.setdefault(name, Counter())
            if isinstance(value, (str, int)) and (len(seen) < _MOST_VALUES or value in seen):
                seen[value] += 1
    return tuple(
        ColumnProfile(
            name=name,
            kind=max((kind for kind in counts if kind != "empty"), key=lambda kind: counts[kind], default="empty"),
            values=sum(count for kind, count in counts.items() if kind != "empty"),
            longest=longest[name],
            repeats=any(count > 1 for count in values[name].values()),
            distinct=len(values[name]),
        )
        for name, counts in kinds.items()
    )


def _leaves(row: Mapping[str, Any], prefix: str = "", depth: int = 1) -> Iterator[tuple[str, Any]]:
    """Yield the fields of a row that are no structures, by their paths."""
    for name, value in row.items():
        path = f"{prefix}{name}"
        if isinstance(value, Mapping) and value and depth < _DEPTH:
            yield from _leaves(value, f"{path}.", depth + 1)
        else:
            yield path, value


def _kind(value: Any) -> str:
    if is_missing(value) or value == "":
        return "empty"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, (int, float)):
        return "number"
    if isinstance(value, str):
        return "text"
    return "conversation" if is_conversation(value) else "list" if isinstance(value, (list, tuple)) else "structure"


def _guessed(columns: Sequence[ColumnProfile]) -> RowMapping:
    """Return a mapping by the names of columns; without a known name, the longest text is what is asked about."""
    usable = [column for column in columns if column.kind != "empty"]
    chats = [column for column in usable if column.kind == "conversation"]
    if chats:
        return RowMapping({"messages": (_named(chats, "messages") or chats[0]).name})
    texts = [column for column in usable if column.kind == "text"]
    languages = [column.name for column in texts if column.name.startswith(_TRANSLATION)]
    if len(languages) == 2:  # noqa: PLR2004 - from one language to the other
        source, target = languages
        instruction = f"Translate the text to {target.removeprefix(_TRANSLATION)}."
        return RowMapping({"context": source, "response": target}, instruction)
    mapped: dict[str, str] = {}
    for field, choices in (
        ("instruction", texts),
        ("response", [column for column in usable if column.kind != "structure"]),
        ("context", texts),
    ):
        column = _named([choice for choice in choices if choice.name not in mapped.values()], field)
        if column:
            mapped[field] = column.name
    others = sorted(
        (column for column in texts if column.name not in mapped.values()), key=lambda column: -column.longest
    )
    if not {"context", "instruction"} & set(mapped) and others:
        mapped["context"] = others[0].name
    instruction = "" if "instruction" in mapped else _instruction(mapped.get("response", ""))
    ordered: dict[str, str] = {
        field: mapped[field] for field in ("instruction", "context", "response") if field in mapped
    }
    return RowMapping(ordered, instruction)


def _named(columns: Sequence[ColumnProfile], field: str) -> ColumnProfile | None:
    """Return the column with the most usual name for a field of records."""
    by_name: dict[str, ColumnProfile] = {}
    for column in columns:
        parts = column.name.lower().split(".")
        # answers.text is named by `answers`, inputs.question by `question`.
        for part in (parts[-1], *parts[-2:-1]):
            by_name.setdefault(part, column)
    return next((by_name[name] for name in _NAMES[field] if name in by_name), None)


def _instruction(response: str) -> str:
    if response.rsplit(".", 1)[-1].lower() in _SUMMARIES:
        return "Summarize the text."
    return "Answer briefly."


def _classification(labels: Sequence[str]) -> str:
    return f"Which of these labels fits the text: {', '.join(labels)}? Answer with the label only."


def _labels(references: Sequence[str]) -> tuple[str, ...]:
    """Return the labels of a classification: few different single words, each of several records."""
    counts = Counter(reference for reference in references if reference)
    is_few = 1 < len(counts) <= _MOST_LABELS and counts.total() >= _ROWS_PER_LABEL * len(counts)
    words = [label for label in counts if not re.search(r"\s", label)]
    is_distinct = len({label.lower() for label in counts}) == len(counts)
    return tuple(sorted(counts)) if is_few and is_distinct and len(words) == len(counts) else ()
