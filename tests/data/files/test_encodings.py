from __future__ import annotations

import io

import pytest

from llmops_sdk.data.files.encodings import decoded_head, encoding_of, is_encoding, text_lines
from llmops_sdk.errors import DataError

TEXT = "name,caf\u00e9\n1,\u4f60\n"


@pytest.mark.parametrize(
    ("encoding", "stated"),
    [
        ("utf-8", ""),
        ("utf-8-sig", ""),
        ("utf-16", ""),
        ("utf-16-le", ""),
        ("utf-16-be", ""),
        ("utf-32", ""),
        ("utf-8", "UTF8"),
        ("utf-8", "u8"),
        ("utf-8-sig", "utf_8"),
        ("utf-8", "utf-8-sig"),
        ("utf-16", "UTF-16LE"),
        ("utf-16-be", "utf16"),
        ("gb18030", "GB18030"),
        ("shift_jis", "sjis"),
    ],
)
def test_an_encoding_is_found_or_believed(encoding: str, stated: str) -> None:
    """By a byte order mark or the zeros of UTF-16, else as stated under any of its names, else UTF-8."""
    text = TEXT if encoding != "shift_jis" else "name,\u30ab\n1,2\n"
    content = text.encode(encoding)
    codec = encoding_of(content, stated, "'a.csv'")
    assert text == "".join(text_lines(io.BytesIO(content), codec, "'a.csv'", newline=""))
    assert text == decoded_head(content, codec)


def test_a_mark_that_contradicts_the_stated_encoding_is_an_error() -> None:
    """A byte order mark is no accident: the text would be garbage."""
    with pytest.raises(
        DataError, match=r"'a\.csv' starts with the byte order mark of UTF-16, but its encoding is set to"
    ):
        encoding_of(TEXT.encode("utf-16"), "windows-1252", "'a.csv'")


def test_bytes_of_another_encoding_are_an_error_near_their_line() -> None:
    """The message has the option to set."""
    lines = text_lines(io.BytesIO(b"a\nb\ncaf\xe9\n"), "utf-8", "'a.csv'", newline="")
    with pytest.raises(
        DataError, match=r"'a\.csv' is not utf-8, at or soon after line 1: set its encoding, for example"
    ):
        list(lines)


def test_a_letter_that_is_cut_at_the_end_of_the_head_is_left_out() -> None:
    """The head of a file ends anywhere."""
    assert "caf" == decoded_head("caf\u00e9".encode()[:-1], "utf-8")


@pytest.mark.parametrize(("name", "known"), [("latin-1", True), ("CP1252", True), ("rot13", False), ("none", False)])
def test_only_text_encodings_count(name: str, known: bool) -> None:  # noqa: FBT001 - a parameter
    """Python's codecs also turn text into text, and bytes into bytes."""
    assert known == is_encoding(name)


def test_a_reader_may_be_given_up(recwarn: pytest.WarningsRecorder) -> None:
    """Also if its file is closed first."""
    file = io.BytesIO(b"a\nb\n")
    lines = text_lines(file, "utf-8", "'a.csv'", newline="")
    assert "a\n" == next(lines)
    file.close()
    lines.close()  # type: ignore[attr-defined]
    assert [] == recwarn.list
