"""Datasets as the steps see them: records, splits, and where they came from."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

Record = Mapping[str, Any]
"""One record of a dataset: `instruction`, `context`, `response`, plus any other JSON field."""


@attrs.frozen
class Split:
    """One split of a dataset: a JSONL file of records, read as a stream.

    Attributes:
        path: The file; UTF-8, one JSON object a line.
        records: How many records it has.
        sha256: Of the file's bytes.
    """

    path: Path
    records: int
    sha256: str

    def __iter__(self) -> Iterator[Record]:
        """Yield the records in the file's order, one at a time."""
        with self.path.open("rb") as lines:
            for line in lines:
                yield json.loads(line)


@attrs.frozen
class DatasetSplits:
    """The train and the test split of a dataset.

    Attributes:
        train: For trainers; may have no records if nothing is fine-tuned.
        test: For asking candidates, in this order.
        source: Details of the origin (path, hub id, resolved commit).
    """

    train: Split
    test: Split
    source: Mapping[str, str] = attrs.field(factory=dict)


def record_label(record: Record, index: int) -> str:
    """Return the name of a record in error messages: its place and its first words."""
    text = str(record.get("instruction") or next(iter(record.values()), ""))
    return f"record {index} ({text[:40]!r})" if text else f"record {index}"
