"""Queries: the instruction and the context of a record, or a field of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from llmops_sdk import DataError
from llmops_sdk.steps.retrieval.queries import Queries
from llmops_sdk.values.data import Split

QUERIES = Queries("cities", "rag")


@pytest.fixture(name="split")
def _split(tmp_path: Path) -> Split:
    """Two records, one of which has a topic."""
    path = tmp_path / "test.jsonl"
    records = [{"instruction": "Where?", "context": "Rome", "topic": "place"}, {"instruction": "When?", "topic": 3}]
    path.write_text("".join(f"{json.dumps(record)}\n" for record in records), encoding="utf-8")
    return Split(path, 2, "")


def test_a_record_is_searched_for_with_what_it_asks(split: Split) -> None:
    """Its instruction and its context."""
    assert ["Where? Rome", "When? "] == list(QUERIES.texts(split, "")) == Queries.searched(split)


def test_a_field_that_is_no_text_is_named(split: Split) -> None:
    """With the record, and its split."""
    texts = QUERIES.of("train").texts(split, "topic")

    assert "place" == next(texts)
    with pytest.raises(DataError, match=r"train record 1 has 'topic' as 3, which is no text, and `query` names it"):
        next(texts)
    with pytest.raises(DataError, match="test record 0 has no field 'subject'"):
        next(QUERIES.texts(split, "subject"))
