"""Judges of a candidate's own family are found by their names."""

from __future__ import annotations

import pytest

from llmops_sdk.verdict.grading.family import family_sentences


@pytest.mark.parametrize(
    ("judge", "candidate"),
    [
        ("Qwen/Qwen2.5-7B-Instruct", "qwen3-30b-a3b"),
        ("gpt-4o", "ft:gpt-4o-mini:acme::abc"),
        ("meta-llama/Llama-3.3-70B-Instruct", "meta-textgeneration-llama-2-7b"),
    ],
)
def test_one_family_is_pointed_out(judge: str, candidate: str) -> None:
    """A shared word of the names is a family, whatever size and version."""
    (sentence,) = family_sentences([judge], {"a": [candidate], "b": ["mistral-7b-instruct"]})

    assert sentence.startswith(f"The judge {judge} and a seem to be of one family")


@pytest.mark.parametrize(
    ("judge", "candidate"),
    [("Qwen/Qwen2.5-7B-Instruct", "mistralai/Mistral-7B-Instruct-v0.3"), ("gpt-4o-mini", "gemma-mini"), ("", "")],
)
def test_other_families_are_not(judge: str, candidate: str) -> None:
    """Words such as instruct and mini are no family."""
    assert [] == list(family_sentences([judge], {"a": [candidate]}))
