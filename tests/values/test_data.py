"""Splits are streams, and records have names in messages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from llmops_sdk.values.data import Split, record_label


def test_a_split_yields_its_records_in_order_each_time(tmp_path: Path) -> None:
    """A split can be read more than once, and line separators inside a text do not end a record."""
    records = [{"instruction": "ä\u2028b"}, {"instruction": "second", "n": 1}]
    path = tmp_path / "train.jsonl"
    path.write_bytes(b"".join(json.dumps(record, ensure_ascii=False).encode() + b"\n" for record in records))
    split = Split(path, records=2, sha256="")
    assert records == list(split)
    assert records == list(split)


def test_a_split_is_read_as_a_stream(tmp_path: Path) -> None:
    """The first record is yielded before the last line, which is broken, is read."""
    path = tmp_path / "train.jsonl"
    path.write_text('{"instruction": "first"}\nbroken\n')
    assert next(iter(Split(path, records=2, sha256=""))) == {"instruction": "first"}


@pytest.mark.parametrize(
    ("record", "name"),
    [
        ({"context": "text", "instruction": "Summarize this."}, "record 4 ('Summarize this.')"),
        ({"question": "x" * 50}, f"record 4 ({'x' * 40!r})"),
        ({}, "record 4"),
    ],
)
def test_a_record_is_named_by_its_place_and_first_words(record: dict[str, Any], name: str) -> None:
    """Messages quote the instruction, or the first field if there is none."""
    assert name == record_label(record, 4)
