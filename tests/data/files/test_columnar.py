from __future__ import annotations

import gzip
import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from llmops_sdk.data.files.columnar import ColumnarFile, class_name
from llmops_sdk.errors import DataError, MissingExtraError

arrow = pytest.importorskip("pyarrow", reason="tables in columns are read with pyarrow")

ROWS = [{"q": f"q{n}", "answers": {"text": [f"a{n}", "b"]}, "label": n % 2, "n": None} for n in range(3000)]


def write(path: Path, kind: str, rows: list[dict[str, Any]], metadata: dict[bytes, bytes] | None = None) -> None:
    """Write a table in one of the formats."""
    feather, parquet = import_module("pyarrow.feather"), import_module("pyarrow.parquet")
    table = arrow.Table.from_pylist(rows).replace_schema_metadata(metadata)
    if kind == "Parquet":
        parquet.write_table(table, path)
    elif kind == "Feather":
        feather.write_feather(table, path, version=1)
    else:
        opened = arrow.ipc.new_stream if kind == "Arrow stream" else arrow.ipc.new_file
        with arrow.OSFile(str(path), "wb") as sink, opened(sink, table.schema) as writer:
            writer.write_table(table, max_chunksize=500)


@pytest.mark.parametrize("kind", ["Parquet", "Arrow", "Arrow stream"])
@pytest.mark.parametrize("compressed", [False, True])
def test_the_rows_of_a_table_in_columns(tmp_path: Path, kind: str, compressed: bool) -> None:  # noqa: FBT001 - a parameter
    """Structures, lists and nulls are kept, in the order of the rows; also of a compressed file."""
    path = tmp_path / "rows"
    write(path, kind, ROWS)
    if compressed:
        path.write_bytes(gzip.compress(path.read_bytes()))
    assert list(enumerate(ROWS, start=1)) == list(ColumnarFile(path, kind, "'rows'").rows())


@pytest.mark.filterwarnings("ignore:Feather V1:DeprecationWarning")  # of pyarrow 25, for writing one
def test_the_first_version_of_feather(tmp_path: Path) -> None:
    """It has no structures; the second version is Arrow."""
    rows = [{"q": "a", "n": 1}, {"q": "b", "n": 2}]
    write(tmp_path / "rows", "Feather", rows)
    assert rows == [row for _, row in ColumnarFile(tmp_path / "rows", "Feather", "'rows'").rows()]


def test_class_labels_are_their_names(tmp_path: Path) -> None:
    """The datasets library writes the names into the file; -1 is no label."""
    features = {"label": {"names": ["sad", "glad"], "_type": "ClassLabel"}, "q": {"dtype": "string", "_type": "Value"}}
    metadata = {b"huggingface": json.dumps({"info": {"features": features}}).encode()}
    write(tmp_path / "rows", "Parquet", [{"q": "a", "label": 1}, {"q": "b", "label": -1}], metadata)
    rows = [row for _, row in ColumnarFile(tmp_path / "rows", "Parquet", "'rows'").rows()]
    assert [{"q": "a", "label": "glad"}, {"q": "b", "label": None}] == rows
    assert "sad" == class_name(0, ["sad", "glad"])


def test_other_metadata_is_no_matter(tmp_path: Path) -> None:
    """Whatever a file has under that name."""
    write(tmp_path / "rows", "Parquet", [{"label": 1}], {b"huggingface": b"{}"})
    assert [(1, {"label": 1})] == list(ColumnarFile(tmp_path / "rows", "Parquet", "'rows'").rows())


def test_a_damaged_file_is_an_error(tmp_path: Path) -> None:
    """The message has the file, the format and the reason in one line."""
    (tmp_path / "rows").write_bytes(b"PAR1" + b"x" * 100)
    with pytest.raises(DataError, match="'rows' is Parquet, and cannot be read: ") as caught:
        list(ColumnarFile(tmp_path / "rows", "Parquet", "'rows'").rows())
    assert "\n" not in str(caught.value)


def test_a_table_without_rows_is_an_error(tmp_path: Path) -> None:
    """As for other formats."""
    import_module("pyarrow.parquet").write_table(arrow.table({"q": arrow.array([], arrow.string())}), tmp_path / "rows")
    with pytest.raises(DataError, match="the file 'rows' has no records"):
        list(ColumnarFile(tmp_path / "rows", "Parquet", "'rows'").rows())


def test_without_pyarrow_the_command_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the file is, and what to install."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r"'rows' is Parquet, .* pip install 'llmops-sdk\[datasets\]'"):
        list(ColumnarFile(tmp_path / "rows", "Parquet", "'rows'").rows())
