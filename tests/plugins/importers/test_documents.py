from __future__ import annotations

import json
from pathlib import Path

import pytest

from llmops_plugins.importers.documents import open_document
from llmops_sdk.errors import DataError


def test_members_and_elements_come_in_their_order(tmp_path: Path) -> None:
    """An object's names come first, and each value is read where it stands; a list's elements come one by one."""
    path = tmp_path / "a.json"
    path.write_text('\ufeff{"a": {"b": [1, {"c": "x]}"}, []], "d": {}}, "e": [ ], "f": 2.5}', encoding="utf-8")

    with open_document(path) as document:
        names = document.members()
        assert "a" == next(names)
        inner = document.members()
        assert "b" == next(inner)
        assert [1, {"c": "x]}"}, []] == list(document.elements())
        assert "d" == next(inner)
        assert [] == list(document.members())
        assert [] == list(inner)
        assert "e" == next(names)
        assert [] == list(document.elements())
        assert "f" == next(names)
        assert 2.5 == document.value()
        assert [] == list(names)


def test_values_longer_than_a_part_of_the_file_are_whole(tmp_path: Path) -> None:
    """The file is read in parts of 256 kB; no value is cut at their ends."""
    values = [{"text": "é" * 300_000, "number": 1234567}] + [{"number": index} for index in range(30_000)]
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"values": values}))

    with open_document(path) as document:
        assert ["values"] == [name for name in document.members() if (read := list(document.elements())) == values]
    assert 30_001 == len(read)


@pytest.mark.parametrize(
    "text", ['{"a": [1, 2', '{"a": [1, "b', '{"a": [1} ', '{"a" 1}', "[1]", '{"a": [nothing]}', ""]
)
def test_a_document_that_is_cut_off_or_no_json_is_refused(tmp_path: Path, text: str) -> None:
    """The message names the file and what stands at the place."""
    path = tmp_path / "a.json"
    path.write_text(text)

    with (
        pytest.raises(DataError, match=r"a.json' is not complete JSON (near '.*'|at its end): is the file cut off"),
        open_document(path) as document,
    ):
        assert [] == [list(document.elements()) for _ in document.members()]


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """It is missing, or is not UTF-8."""
    (tmp_path / "a.json").write_bytes(b'{"a": "\xff"}')

    with (
        pytest.raises(DataError, match=r"a.json' is not UTF-8 at byte 7"),
        open_document(tmp_path / "a.json") as document,
    ):
        list(document.members())
    with (
        pytest.raises(DataError, match=r"cannot read .*none.json': No such file"),
        open_document(tmp_path / "none.json"),
    ):
        pass
