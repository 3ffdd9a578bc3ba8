from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

from llmops_plugins.datasets.files import CsvDataset, FileDataset, JsonlDataset, existing_file, read_rows
from llmops_plugins.datasets.options import CsvOptions, FileOptions
from llmops_sdk import DataError
from llmops_sdk.plugin import Context

from .conftest import LoggedLines
from .rows import COLUMNS, ROW, Load, article_rows, write_rows


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


def test_a_table_as_text_is_read(load: Load, tmp_path: Path) -> None:
    """The separator and the encoding are found, or set; numbers in the filter match text."""
    text = "The text\tSummary\tYear\nt1\ts\u00e9\t2019\nt2\ts2\t2020\nt3\ts3\t2019\n"
    options: dict[str, Any] = {
        "columns": {"context": "The text", "response": "Summary"},
        "instruction": "Summarize.",
        "filter": {"Year": 2019},
        "test_fraction": 0.5,
    }
    (tmp_path / "a.csv").write_bytes(text.encode("utf-16"))
    (tmp_path / "b.csv").write_bytes(text.encode("cp1252"))
    given: dict[str, dict[str, Any]] = {"a.csv": {}, "b.csv": {"encoding": "cp1252", "delimiter": "\t"}}
    for name, text_options in given.items():
        splits = load(CsvDataset(CsvOptions(path=str(tmp_path / name), **options, **text_options)))
        rows = sorted([*splits.train, *splits.test], key=lambda row: row["context"])
        assert [("t1", "s\u00e9", "2019"), ("t3", "s3", "2019")] == [
            (row["context"], row["response"], row["Year"]) for row in rows
        ]


@pytest.mark.parametrize("name", ["rows.jsonl.gz", "named.jsonl.gz", "rows.json", "rows.parquet"])
@pytest.mark.parametrize("source", [JsonlDataset, FileDataset])
def test_a_file_is_read_whatever_its_format(
    load: Load, logged: LoggedLines, real_data: Callable[[str], Path], source: type[FileDataset], name: str
) -> None:
    """Compressed, one list, and Parquet."""
    pytest.importorskip("pyarrow", reason="Parquet is read with pyarrow")
    options = FileOptions if source is JsonlDataset else CsvOptions
    splits = load(source(options(path=str(real_data(f"cases/gz-told-as-utf16/{name}")), test_fraction=0.5)))
    assert {"Paris", "Rome", "Madrid", "Lima"} == {row["response"] for row in [*splits.train, *splits.test]}
    assert [] == logged.lines


def test_a_file_with_a_misleading_name_is_named_as_what_it_is(load: Load, logged: LoggedLines, tmp_path: Path) -> None:
    """It is read all the same."""
    path = tmp_path / "a.csv"
    path.write_bytes(gzip.compress("".join(json.dumps({**ROW, "context": str(n)}) + "\n" for n in range(4)).encode()))
    splits = load(FileDataset(CsvOptions(path=str(path))))
    assert 4 == splits.train.records + splits.test.records
    assert ["'a.csv' is JSON lines, compressed with gzip, whatever its name says"] == logged.lines
    assert "JSON lines, compressed with gzip" == splits.source["format"]


def test_text_must_be_what_the_dataset_says(load: Load, tmp_path: Path) -> None:
    """`csv` reads no JSON, and `jsonl` no table; `file` reads both."""
    (tmp_path / "a.csv").write_text("q,r\n1,2\n3,4\n")
    path = write_rows(tmp_path / "a.jsonl", [ROW])
    with pytest.raises(DataError, match="looks like CSV, not JSON: load it with the dataset 'file'"):
        load(JsonlDataset(FileOptions(path=str(tmp_path / "a.csv"))))
    with pytest.raises(DataError, match="is JSON, not CSV: load it with the dataset 'file'"):
        load(CsvDataset(CsvOptions(path=path)))


def test_one_file_as_both_splits_is_all_of_it(load: Load, context: Context, tmp_path: Path) -> None:
    """Where no model is fine-tuned; else nothing would be left to learn."""
    path = write_rows(tmp_path / "a.jsonl", article_rows(4))
    options = FileOptions(path=path, test_path=path, columns=COLUMNS, instruction="S.")
    with pytest.raises(
        DataError, match="path and test_path are the same file, and a model is fine-tuned: give test_frac"
    ):
        load(JsonlDataset(options))
    splits = JsonlDataset(options).load(attrs.evolve(context, trains=False))
    assert (0, 4) == (splits.train.records, splits.test.records)


def test_rows_have_names(tmp_path: Path) -> None:
    """For messages."""
    path = Path(write_rows(tmp_path / "a.jsonl", [ROW, ROW]))
    assert ["record 1 of 'a.jsonl'", "record 2 of 'a.jsonl'"] == [row.name for row in read_rows(path)]


def test_a_small_file_is_loaded_by_plans(tmp_path: Path) -> None:
    """A large one is not: a plan takes seconds."""
    path = write_rows(tmp_path / "a.jsonl", [ROW])
    assert JsonlDataset(FileOptions(path=path)).is_small
    with Path(path).open("ab") as file:
        file.truncate(3 * 2**20)
    assert not JsonlDataset(FileOptions(path=path)).is_small
