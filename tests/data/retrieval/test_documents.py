"""Documents: rows with a text, each once, and clear errors for all else."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmops_sdk import DataError
from llmops_sdk.data.retrieval.documents import Document, check_enough, cut_words, read_documents


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("docs.jsonl", '{"id": 7, "title": "T", "text": "one"}\n{"text": "two"}\n{"text": "two"}\n'),
        ("docs.json", '[{"id": "7", "title": "T", "text": "one"}, {"text": "two"}]'),
        ("docs.csv", "id,title,text\n7,T,one\n,,two\n"),
    ],
)
def test_documents_of_several_formats_are_the_same(name: str, content: str, tmp_path: Path) -> None:
    """An id that is missing is the row's number; the same text counts once."""
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")

    assert [Document("7", "one", "T"), Document("2", "two")] == read_documents(path)
    assert ["T\none", "two"] == [document.searched for document in read_documents(path)]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "is empty; write a line for each document"),
        ("\n \n", "is empty; write a line for each document"),
        ('{"body": "x"}\n', "record 1 of 'docs.jsonl' has no field 'text', which a document needs; its fields: body"),
        ('{"text": null}\n', "the field 'text' of record 1 of 'docs.jsonl' must be a text that is not empty"),
        ('{"text": "\\ud800"}\n', "the field 'text' of record 1 of 'docs.jsonl' has half of a surrogate pair"),
        ('{"text": "a", "title": ["b"]}\n', "the field 'title' of record 1 of 'docs.jsonl' must be a text"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(content: str, problem: str, tmp_path: Path) -> None:
    """With the row."""
    path = tmp_path / "docs.jsonl"
    path.write_text(content, encoding="utf-8")

    with pytest.raises(DataError) as caught:
        read_documents(path)

    assert problem in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """In one line."""
    with pytest.raises(DataError, match=r"docs\.jsonl' cannot be read: no such file or directory"):
        read_documents(tmp_path / "docs.jsonl")


def test_more_passages_than_documents_are_refused() -> None:
    """The error counts those that are left out."""
    check_enough([Document("1", "a")], 1, "docs.jsonl")

    with pytest.raises(DataError, match=r"^k is 2, and 'docs.jsonl' has 1 document \(3 more are almost test records"):
        check_enough([Document("1", "a")], 2, "docs.jsonl", left_out=3)


@pytest.mark.parametrize(
    ("text", "words", "expected"),
    [
        ("one two  three four", 2, ("one two", 4)),
        ("one two", 2, ("one two", 0)),
        ("one two", 0, ("one two", 0)),
        (" one\ntwo three ", 2, (" one\ntwo", 3)),
    ],
)
def test_a_text_is_cut_between_words(text: str, words: int, expected: tuple[str, int]) -> None:
    """With the number of all words where something was cut; line breaks stay."""
    assert expected == cut_words(text, words)
