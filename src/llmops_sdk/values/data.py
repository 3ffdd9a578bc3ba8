"""Datasets as the steps see them: records, splits, and where they came from."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

Record = Mapping[str, Any]
"""One record of a dataset: `instruction`, `context`, `response`, plus any other JSON field.

A record without a reference has no `response`; one with several has them in `references`, and the first as `response`.
A conversation has the turns that are asked in `messages`, the last of which is the `instruction`, and those before it
as text in `context`.
"""


@attrs.frozen
class Split:
    """One split of a dataset: a JSONL file of records, read as a stream.

    Attributes:
        path: The file; UTF-8, one JSON object a line.
        records: How many records it has.
        sha256: Of the file's bytes.
        content: Hash of what a model sees of the records, where the file has more: the scores of what was retrieved.
    """

    path: Path
    records: int
    sha256: str
    content: str = ""

    @property
    def key(self) -> str:
        """What identifies the records in the keys of answers and trainings."""
        return self.content or self.sha256

    def __iter__(self) -> Iterator[Record]:
        """Yield the records in the file's order, one at a time."""
        with self.path.open("rb") as lines:
            for line in lines:
                yield json.loads(line)


@attrs.frozen(kw_only=True)
class NearDuplicate:
    """A test record, and the train record with almost the same input.

    Attributes:
        test: The place of the test record in its split, from 0.
        train: The place of the train record.
        similarity: The Jaccard similarity of their inputs, estimated.
        test_input: The start of what the test record asks.
        train_input: The start of what the train record asks.
    """

    test: int
    train: int
    similarity: float
    test_input: str
    train_input: str


@attrs.frozen(kw_only=True)
class NearDuplicates:
    """How many test records have an input that is almost that of a train record.

    Attributes:
        compared: The number of test records that were compared.
        similar: The number of those with a near-duplicate.
        examples: Some of them, the most similar ones first.
    """

    compared: int = 0
    similar: int = 0
    examples: tuple[NearDuplicate, ...] = ()


@attrs.frozen
class DatasetSplits:
    """The train and the test split of a dataset.

    Attributes:
        train: For trainers; may have no records if nothing is fine-tuned.
        test: For asking candidates, in this order.
        source: Details of the origin (path, hub id, resolved commit).
        near_duplicates: Test records that are almost in the train split; found by the `prepare` step.
        group: The field, or the path inside one, whose value records of one group share: they depend on each other, and
            count as one in comparisons. Empty if none do.
        caveat: What must be known of the test records beside a verdict, in one or more sentences; empty if nothing must.
        retrieved: Of records with what a prompt retrieved for them, in words: `passages` and `examples`, and their number.
    """

    train: Split
    test: Split
    source: Mapping[str, str] = attrs.field(factory=dict)
    near_duplicates: NearDuplicates = NearDuplicates()
    group: str = ""
    caveat: str = ""
    retrieved: Mapping[str, str] = attrs.field(factory=dict)


def record_label(record: Record, index: int) -> str:
    """Return the name of a record in error messages: its place and its first words."""
    text = str(record.get("instruction") or next(iter(record.values()), ""))
    return f"record {index} ({text[:40]!r})" if text else f"record {index}"
