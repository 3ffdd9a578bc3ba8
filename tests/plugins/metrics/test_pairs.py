"""Pairs of an output and its references, as the text metrics compare them."""

from __future__ import annotations

from typing import Any

import pytest

from llmops_plugins.metrics.pairs import Pair, Unscorable, pair_of, references_in
from llmops_sdk.plugin import Answer, Generation, TextPrompt


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Rome", Pair("x", "Rome")),
        (["", "Rome", " \n", "Roma"], Pair("x", "Rome", ("Roma",))),
        (("Rome",), Pair("x", "Rome")),
        (" ", Unscorable("the reference field 'city' is empty")),
        ([], Unscorable("the reference field 'city' is empty")),
        (3, Unscorable("the reference field 'city' must be text, not int")),
        (["Rome", None], Unscorable("the reference field 'city' must be text, not NoneType")),
        (None, Unscorable("the record has no reference field 'city'; it has: city, instruction")),
    ],
)
def test_the_references_are_the_texts_of_a_field(value: Any, expected: Pair | Unscorable) -> None:
    """One text or a list of texts, without empty ones; anything else has no pair, and the reason names the field."""
    record = {"instruction": "?", "city": value}

    assert expected == pair_of(Generation(0, record, TextPrompt("?", ""), Answer("x")), "city")


def test_an_empty_output_is_compared() -> None:
    """It is the model's answer, and a bad one."""
    assert Pair("", "Rome") == pair_of(Generation(0, {"city": "Rome"}, TextPrompt("?", ""), Answer("")), "city")


def test_all_references_of_a_pair() -> None:
    """The first one and the others, in their order."""
    assert ("a", "b", "c") == Pair("x", "a", ("b", "c")).references


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"response": "a", "references": ["a", "b"]}, ["a", "b"]),
        ({"response": "a", "references": ["source.pdf"]}, "a"),
        ({"response": "a", "references": "a"}, "a"),
        ({"references": ["a", "b"]}, None),
        ({"response": "a"}, "a"),
    ],
)
def test_several_references_of_a_record_are_compared(record: dict[str, Any], expected: object) -> None:
    """The first of them is its response; a field of that name that holds something else is no reference."""
    assert expected == references_in(record, "response")
    assert record.get("references") == references_in(record, "references")
