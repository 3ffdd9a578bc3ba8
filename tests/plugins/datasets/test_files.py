from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import pytest

from llmops_plugins.datasets.files import existing_file
from llmops_plugins.datasets.jsonl import JsonlDataset
from llmops_plugins.datasets.options import FileOptions
from llmops_sdk import DataError
from llmops_sdk.plugin import Context

from .rows import COLUMNS, Load, article_rows, write_rows


def test_a_test_file_is_the_test_split(load: Load, tmp_path: Path) -> None:
    """With `test_path`, nothing is split, and both files are recorded."""
    train = write_rows(tmp_path / "train.jsonl", article_rows(6))
    test = write_rows(tmp_path / "test.jsonl", article_rows(3, start=6))
    splits = load(JsonlDataset(FileOptions(path=train, test_path=test, columns=COLUMNS, instruction="S.")))
    assert [f"text {n}" for n in range(6)] == [record["context"] for record in splits.train]
    assert [f"text {n}" for n in range(6, 9)] == [record["context"] for record in splits.test]
    assert (train, test) == (splits.source["path"], splits.source["test_path"])


def test_the_fingerprint_is_of_the_contents(context: Context, tmp_path: Path) -> None:
    """Another name is the same input; other rows, and the same rows with a test file, are not."""
    first = write_rows(tmp_path / "a.jsonl", article_rows(3))
    second = write_rows(tmp_path / "b.jsonl", article_rows(3))
    other = write_rows(tmp_path / "c.jsonl", article_rows(4))

    def fingerprint(**paths: Any) -> str:
        return JsonlDataset(FileOptions(**paths)).fingerprint(context)

    assert fingerprint(path=first) == fingerprint(path=second)
    assert 3 == len({fingerprint(path=first), fingerprint(path=other), fingerprint(path=first, test_path=other)})


def test_a_file_that_does_not_exist_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So is a folder; a path relative to the working folder becomes absolute."""
    with pytest.raises(DataError, match=r"the data file '.*none\.jsonl' does not exist"):
        existing_file(str(tmp_path / "none.jsonl"))
    with pytest.raises(DataError, match="is a folder, not a file"):
        existing_file(str(tmp_path))
    (tmp_path / "a.jsonl").touch()
    monkeypatch.chdir(tmp_path)
    assert tmp_path / "a.jsonl" == existing_file("a.jsonl")


def test_the_first_record_is_previewed(tmp_path: Path) -> None:
    """As `load` makes it, without reading the rest; with a filter, the first that it keeps among the first rows."""
    path = write_rows(tmp_path / "a.jsonl", article_rows(6))
    with Path(path).open("a") as file:
        file.write("broken")
    options = FileOptions(path=path, columns=COLUMNS, instruction="Summarize.")
    expected = {"instruction": "Summarize.", "context": "text 0", "response": "short 0", "ok": True, "title": "t0"}
    assert {**expected, "year": 2019} == JsonlDataset(options).preview()
    record = JsonlDataset(attrs.evolve(options, filter={"year": 2020})).preview()
    assert record is not None
    assert "text 1" == record["context"]


def test_a_preview_finds_what_a_run_would_fail_on(tmp_path: Path) -> None:
    """A missing file, for either split, and a missing column; a filter that keeps none of the first rows is no error."""
    path = write_rows(tmp_path / "a.jsonl", article_rows(6))
    with pytest.raises(DataError, match="has no field 'instruction'"):
        JsonlDataset(FileOptions(path=path)).preview()
    with pytest.raises(DataError, match=r"none\.jsonl' does not exist"):
        JsonlDataset(FileOptions(path=path, test_path=str(tmp_path / "none.jsonl"), columns=COLUMNS)).preview()
    rows = write_rows(tmp_path / "b.jsonl", [{**row, "year": 2019} for row in article_rows(1001)])
    with Path(rows).open("a") as file:
        file.write('{"year": 2020}')
    assert (
        JsonlDataset(FileOptions(path=rows, columns=COLUMNS, instruction="S.", filter={"year": 2020})).preview() is None
    )
