"""Words of a report over several runs."""

from __future__ import annotations

from llmops_sdk.report.several.words import in_words, labelled


def test_names_are_listed() -> None:
    """Many are shortened; nothing is left out without a number."""
    assert "A" == in_words(["A"])
    assert "A, B, C and D" == in_words(list("ABCD"))
    assert "A, B, C and 2 others" == in_words(list("ABCDE"))


def test_a_candidate_carries_its_run() -> None:
    """The same candidate of two runs has two names."""
    assert {"base (A)", "base (B)"} == {labelled(letter, "base") for letter in "AB"}
