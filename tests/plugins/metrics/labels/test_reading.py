"""The label in an answer."""

from __future__ import annotations

import pytest

from llmops_plugins.metrics.labels.reading import LabelReader, normalized

LABELS = ("spam", "not spam", "C++", "Très bon")


@pytest.mark.parametrize(
    ("text", "only", "first", "last", "whole"),
    [
        ("spam", "spam", "spam", "spam", "spam"),
        (" **SPAM**.", "spam", "spam", "spam", "spam"),
        ("Not  spam", "not spam", "not spam", "not spam", "not spam"),
        ("It is not spam.", "not spam", "not spam", "not spam", ""),
        ("Label: spam", "spam", "spam", "spam", ""),
        ("spam, I said spam", "spam", "spam", "spam", ""),
        ("Spam or not spam?", "?", "spam", "not spam", ""),
        ("spammer", "", "", "", ""),
        ("", "", "", "", ""),
        ("Use c++ here", "C++", "C++", "C++", ""),
        ("- C", "", "", "", ""),
        ("- spam", "spam", "spam", "spam", "spam"),
        ("c++", "C++", "C++", "C++", "C++"),
        ("très bon", "Très bon", "Très bon", "Très bon", "Très bon"),
    ],
)
def test_labels_are_found(text: str, only: str, first: str, last: str, whole: str) -> None:
    """As whole words, the longer one of two that overlap; `?` stands for several."""

    def read(how: str) -> str:
        found = LabelReader(LABELS, how).labels_in(text)
        return "?" if len(found) > 1 else "".join(found)

    assert [only, first, last, whole] == [read(how) for how in ("only", "first", "last", "whole")]


def test_a_reference_is_a_label_as_a_whole() -> None:
    """In any case, with the spelling of the options."""
    reader = LabelReader(LABELS, "only")

    assert "not spam" == reader.label("NOT SPAM ")
    assert reader.label("it is spam") is None
    assert "not spam" == normalized("(Not\u00a0Spam)")
