from __future__ import annotations

import io
from typing import Any

import pytest

from llmops_sdk.data.files.json_document import read_document, starts_document
from llmops_sdk.data.files.json_stream import JsonStream
from llmops_sdk.errors import DataError


def read(text: str) -> list[Any]:
    """The rows of a document."""
    return [row for _, row in read_document(stream(text), "'a.json'")]


def stream(text: str) -> JsonStream:
    """A text, read in parts."""
    return JsonStream(io.StringIO(text), "'a.json'")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('[{"a": 1}, {"a": 2}]', [{"a": 1}, {"a": 2}]),
        (' [\n{"a": 1}\n] \n', [{"a": 1}]),
        ('{\n "a": 1\n}\n{\n "a": 2\n}', [{"a": 1}, {"a": 2}]),
        ('{"a": [1, 2], "b": ["x", "y"]}', [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]),
        ('{"a": {"0": 1, "1": 2}, "b": {"0": "x", "1": "y"}}', [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]),
        ('{"version": 2, "data": [{"a": 1}, {"a": 2}]}', [{"a": 1}, {"a": 2}]),
        ('{"messages": [{"role": "user"}]}', [{"messages": [{"role": "user"}]}]),
        ('{"messages": [{"role": "user"}], "tools": [1]}', [{"messages": [{"role": "user"}], "tools": [1]}]),
        (
            '{"prompt": "q", "modelResponses": [{"response": "a"}]}',
            [{"prompt": "q", "modelResponses": [{"response": "a"}]}],
        ),
        ('{"a": 1, "b": "x"}', [{"a": 1, "b": "x"}]),
        ('{"a": [1, 2], "b": [3]}', [{"a": [1, 2], "b": [3]}]),
    ],
)
def test_the_rows_of_a_document(text: str, expected: list[Any]) -> None:
    """A list, objects one after the other, columns as lists or by row number, and rows inside one object."""
    assert expected == read(text)


def test_a_list_is_read_as_a_stream() -> None:
    """The first row is there before the end of the text is looked at."""
    rows = read_document(stream('[{"a": 1}, ' + '{"b": 2}, ' * 100_000 + "broken"), "'a.json'")
    assert (1, {"a": 1}) == next(rows)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[{"a": 1},\n{"a": }]', "record 2 of 'a.json' is not JSON near '}]': expecting value"),
        ('[{"a": 1}', "record 1 of 'a.json' is not JSON at its end: expected ',' or ']'"),
        ('[{"a": 1} {"a": 2}]', "record 1 of 'a.json' is not JSON near '{\"a\": 2}]': expected ',' or ']'"),
        ('[{"a": 1}] x', "'a.json' is not JSON near 'x': something follows its list"),
        ('[{"a": 1}, 5]', "record 2 of 'a.json' is a number, not an object"),
        ('[{"a": "' + "x" * 100, "record 1 of 'a.json' is not JSON near"),
        ("[]", "the file 'a.json' has no records"),
        ("5", "'a.json' is a number, not rows"),
        ("[" * 100_000, "record 1 of 'a.json' is not JSON near '[[["),
    ],
)
def test_what_is_no_document_is_an_error(text: str, message: str) -> None:
    """With the record and the place."""
    with pytest.raises(DataError) as caught:
        read(text)
    assert str(caught.value).startswith(message)


def test_a_broken_line_starts_no_document() -> None:
    """Then it is one of JSON lines, whose error names the line."""
    assert starts_document(stream('{\n"a": 1}\n{'))
    assert not starts_document(stream('{"a": 1\n{"a": 2}\n'))
