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


def test_columns_that_json_cannot_hold_are_left_out_and_logged(online: dict[str, Any]) -> None:
    """Lists, structures and numbers are kept; dates and bytes are not, alone or in a list."""
    record = json.loads(Path(online["types"]["folder"], "test.jsonl").read_text().splitlines()[0])
    assert ["instruction", "context", "response", "half", "notes", "tags"] == list(record)
    assert [0.5, {"by": "me", "stars": 5}, ["a", "b"]] == list(record.values())[3:]
    expected = f"left out columns of {TYPES} that JSON cannot hold: dates, day, sound"
    assert [expected] == online["types"]["logged"]
