"""Retrieval in words, and what decides its result."""

from __future__ import annotations

import attrs
import pytest

from llmops_sdk.values.retrieval import Retrieval

PASSAGES = Retrieval(k=3, by="bm25", retriever_key="a", documents="docs.jsonl", words=80)


@pytest.mark.parametrize(
    ("retrieval", "words"),
    [
        (PASSAGES, "3 passages of 'docs.jsonl' by bm25, each cut at 80 words"),
        (Retrieval(k=2, by="bm25"), "2 examples from the train split by bm25"),
        (Retrieval(k=2, by="fixed", seed=4), "2 fixed examples from the train split, seed 4"),
    ],
)
def test_it_is_described_in_words(retrieval: Retrieval, words: str) -> None:
    """As a plan shows it."""
    assert words == str(retrieval)


def test_the_place_of_the_documents_is_no_part_of_the_key() -> None:
    """All else is."""
    assert PASSAGES.key == attrs.evolve(PASSAGES, documents="moved.jsonl").key
    for change in ({"k": 4}, {"by": "minilm"}, {"retriever_key": "b"}, {"query": "topic"}, {"words": 0}, {"seed": 1}):
        assert PASSAGES.key != attrs.evolve(PASSAGES, **change).key
