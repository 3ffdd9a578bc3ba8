from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from .hub_loads import TYPES

pytest.importorskip("datasets", reason="datasets of the hub are loaded by the datasets library")


def test_a_configuration_and_its_splits_are_loaded(online: dict[str, Any]) -> None:
    """Columns are mapped, a test split of the hub stays the test split, and a part of a split can be named."""
    rows = Path(online["news"]["folder"], "test.jsonl").read_text().splitlines()
    expected = {"instruction": "Summarize.", "context": "text 100", "response": "short 100", "day": 100, "lang": "en"}
    assert expected == json.loads(rows[0])
    assert (9, 9) == (online["news"]["rows"], len(rows))
    assert online["a part"]["source"]["split"] == "train[:50%]"
    assert 2 == online["a part"]["rows"]  # half of 9 rows are 4, of which 0.3 (2, rounded up) are the test split


def records(outcome: dict[str, Any]) -> list[dict[str, Any]]:
    """The records of both splits, by instruction."""
    lines = [
        line for name in ("train", "test") for line in Path(outcome["folder"], f"{name}.jsonl").read_text().splitlines()
    ]
    return sorted(map(json.loads, lines), key=lambda record: str(record["instruction"]))


def test_columns_that_json_cannot_hold_are_left_out_and_logged(online: dict[str, Any]) -> None:
    """Lists, structures and numbers are kept, and NaN is null; dates, bytes and infinite numbers are left out."""
    first, *others = records(online["types"])
    assert ["instruction", "context", "response", "half", "mood", "notes", "parts", "tags"] == list(first)
    assert [0.5, "sad", {"by": "me", "stars": 5}, [0.5, None], ["a", "b"]] == list(first.values())[3:]
    assert [(None, "glad"), (None, None), (None, None)] == [(record["half"], record["mood"]) for record in others]
    assert online["types"]["logged"] == [
        f"left out columns of {TYPES} that JSON cannot hold: dates, day, sound",
        "left out of records, because JSON cannot hold the value: 'wide' (an infinite number in record 1 of 'train')",
    ]


def test_a_column_that_is_used_must_be_text(online: dict[str, Any]) -> None:
    """A date is no response: the message names the column, the record and the way out."""
    assert online["a date as response"]["message"] == (
        "the field 'day' of record 1 of 'train' is of type date, not text; every record needs its response as text: correct or"
        " remove the record, or name another field with columns: {response: NAME}"
    )


def test_a_class_label_is_its_name(online: dict[str, Any]) -> None:
    """As a response, and in a filter."""
    assert ["sad", "glad"] == [record["response"] for record in records(online["a label as response"])]
