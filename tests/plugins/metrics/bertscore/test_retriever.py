"""The retriever minilm: texts that mean the same, whatever their words are."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmops_plugins.metrics.bertscore.options import MinilmOptions
from llmops_plugins.metrics.bertscore.retriever import MinilmRetriever
from llmops_sdk.plugin import Context, Hit
from llmops_sdk.testing import make_context

TEXTS = (
    "The physician prescribed some pills against the pain.",
    "",
    "Stock prices fell sharply on Monday.",
    "Bread is baked from flour, water and salt.",
    "Stock prices fell sharply on Monday.",
)


@pytest.fixture(name="context")
def _context(tmp_path: Path, minilm: Path) -> Context:
    """What a step passes, with the encoder."""
    return make_context(tmp_path, home=tmp_path, assets={"minilm": minilm})


def search(context: Context, *queries: str, k: int = 2) -> list[list[Hit]]:
    """Search the texts."""
    return [list(hits) for hits in MinilmRetriever(MinilmOptions()).search(context, TEXTS, queries, k)]


def test_texts_are_found_by_their_meaning(context: Context) -> None:
    """With no word in common; of the same texts, the first one is first."""
    medicine, market, empty = search(context, "a doctor gave me medicine", "shares lost value", "  ")

    assert 0 == medicine[0].place
    assert [2, 4] == [hit.place for hit in market]
    assert market[0].score == market[1].score
    assert [] == empty


def test_an_empty_text_is_never_found(context: Context) -> None:
    """Not even when everything is asked for."""
    (hits,) = search(context, "bread", k=5)

    assert 3 == hits[0].place
    assert {0, 2, 3, 4} == {hit.place for hit in hits}


def test_the_weights_are_part_of_the_key(context: Context) -> None:
    """As for BERTScore."""
    assert 64 == len(MinilmRetriever(MinilmOptions()).fingerprint(context))
    assert ("minilm",) == MinilmOptions().assets()
