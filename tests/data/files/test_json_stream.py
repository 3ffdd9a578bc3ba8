from __future__ import annotations

import gzip
import io
import json
import math
from pathlib import Path

import pytest

from llmops_sdk.data.files import json_stream
from llmops_sdk.data.files.json_stream import JsonStream, open_json
from llmops_sdk.errors import DataError


def test_members_and_elements_come_in_their_order(tmp_path: Path) -> None:
    """An object's names come first, and each value is read where it stands; a list's elements come one by one."""
    path = tmp_path / "a.json"
    path.write_text('\ufeff{"a": {"b": [1, {"c": "x]}"}, []], "d": {}}, "e": [ ], "f": 2.5}', encoding="utf-8")

    with open_json(path) as document:
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
        document.end()


def test_values_longer_than_a_part_of_the_file_are_complete(tmp_path: Path) -> None:
    """The file is read in parts of 256 kB; no value is cut at their ends."""
    values = [{"text": "é" * 300_000, "number": 1234567}] + [{"number": index} for index in range(30_000)]
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"values": values}))

    with open_json(path) as document:
        assert ["values"] == [name for name in document.members() if (read := list(document.elements())) == values]
    assert 30_001 == len(read)


@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 50])
def test_a_value_may_be_cut_anywhere_while_it_is_read(monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    """Numbers, escapes, words and texts that end in the next part are not taken for complete ones."""
    monkeypatch.setattr(json_stream, "_CHUNK", chunk)
    rows = [{"a": 123456, "b": "x\u00e9\U0001f600\n\\", "c": [True, None, -1.5e10]}, {"a": {}}, {"z": "y" * 60}]
    assert rows == list(JsonStream(io.StringIO(json.dumps(rows)), "a").elements())
    assert rows == list(JsonStream(io.StringIO("\n".join(json.dumps(row, indent=1) for row in rows)), "a").values())


def test_what_other_tools_write_beyond_json_is_read() -> None:
    """NaN, infinite numbers, and integers that Python does not read."""
    nan, infinite, long = JsonStream(io.StringIO(f"[NaN, -Infinity, {'9' * 5000}]"), "a").elements()
    assert math.isnan(nan)
    assert (-math.inf, math.inf) == (infinite, long)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": [1, 2', "record 2 of {} is not JSON at its end: expected ',' or ']'; is the file cut off"),
        ('{"a": [1, "b', "record 2 of {} is not JSON near '\"b': unterminated string starting at; is the file cut off"),
        ('{"a": [1} ', "record 1 of {} is not JSON near '} ': expected ',' or ']'"),
        ('{"a" 1}', "{} is not JSON near '1}': expected ':'"),
        ('{"a": [] "b": []}', "{} is not JSON near '\"b\": []}': expected ',' or '}'"),
        ("[1]", "{} is not JSON near '[1]': expected '{'"),
        ('{"a": 5}', "{} is not JSON near '5}': expected '['"),
        ('{"a": [1, nothing]}', "record 2 of {} is not JSON near 'nothing]}': expecting value"),
        ("", "{} is not JSON at its end: expected '{'; is the file cut off or still being written?"),
    ],
)
def test_a_document_that_is_cut_off_or_no_json_is_refused(tmp_path: Path, text: str, message: str) -> None:
    """The message names the file, the element of the list, and what stands at the place."""
    path = tmp_path / "a.json"
    path.write_text(text)

    with pytest.raises(DataError) as caught, open_json(path) as document:
        [list(document.elements()) for _ in document.members()]

    assert str(caught.value).startswith(message.replace("{}", repr(str(path)), 1))


def test_what_follows_the_document_is_refused() -> None:
    """Where the reader asks for it."""
    document = JsonStream(io.StringIO("[1] 2"), "'a.json'")
    assert [1] == list(document.elements())
    with pytest.raises(DataError, match=r"^'a\.json' is not JSON near '2': something follows its list$"):
        document.end()


def test_a_text_of_another_encoding_is_refused(tmp_path: Path) -> None:
    """Not read with wrong letters in it; the record before is named where there is one."""
    path = tmp_path / "a.json"
    path.write_bytes(b'["\xe9"]')
    with (
        pytest.raises(DataError, match=r"a.json' is not UTF-8; re-encode it, for example: iconv"),
        open_json(path) as one,
    ):
        list(one.elements())

    path.write_bytes(b'["' + b"x" * 600_000 + b'", "\xe9"]')
    with pytest.raises(DataError, match=r"a.json' is not UTF-8, at or soon after record 1;"), open_json(path) as one:
        list(one.elements())

    with open_json(path, encoding="latin-1") as one:
        assert "é" == list(one.elements())[1]


def test_a_compressed_file_and_one_of_utf_16_are_read(tmp_path: Path) -> None:
    """What it is is seen by the first bytes."""
    path = tmp_path / "a.json"
    for content in (gzip.compress(b'["\xc3\xa9"]'), '["é"]'.encode("utf-16")):
        path.write_bytes(content)
        with open_json(path) as document:
            assert ["é"] == list(document.elements())


def test_a_file_that_is_missing_is_refused(tmp_path: Path) -> None:
    """By its path."""
    with pytest.raises(DataError, match=r"there is no file '.*none.json'"), open_json(tmp_path / "none.json"):
        pass
