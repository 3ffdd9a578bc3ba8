from __future__ import annotations

import json
from pathlib import Path

import pytest

from llmops_plugins.datasets.jsonl import JsonlDataset
from llmops_plugins.datasets.options import FileOptions
from llmops_sdk import DataError

from .rows import ROW, Load, write_rows


def test_every_line_is_a_record(load: Load, tmp_path: Path) -> None:
    """Blank lines between them are skipped."""
    rows = [{**ROW, "instruction": str(n)} for n in range(4)]
    path = Path(write_rows(tmp_path / "a.jsonl", rows))
    path.write_text(path.read_text().replace("\n", "\n\n"))
    splits = load(JsonlDataset(FileOptions(path=str(path), test_fraction=0.5)))
    assert rows == sorted([*splits.train, *splits.test], key=lambda record: record["instruction"])


def test_a_line_that_is_not_json_is_named(load: Load, tmp_path: Path) -> None:
    """The message has the file and the line."""
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps(ROW) + "\n{broken\n")
    with pytest.raises(DataError, match=r"line 2 of '.*a\.jsonl' is not JSON at column 2"):
        load(JsonlDataset(FileOptions(path=str(path))))
