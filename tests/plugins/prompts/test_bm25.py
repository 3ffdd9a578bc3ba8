"""BM25: rare words first, the same hits at every search, and the values of bm25s."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from llmops_sdk.plugin import Context, Options
from llmops_sdk.testing import make_context

pytest.importorskip("bm25s")

from llmops_plugins.prompts.bm25 import Bm25

TEXTS = (
    "The river floods the valley.",
    "A recipe for bread.",
    "The valley of the kings, where the river is far away.",
    "The river floods the valley.",
)


@pytest.fixture(name="context")
def _context(tmp_path: Path) -> Context:
    """What a step passes."""
    return make_context(tmp_path)


def places(context: Context, query: str, k: int = 4) -> list[int]:
    """The places of the texts that are found for a query."""
    (hits,) = Bm25(Options()).search(context, TEXTS, [query], k)
    return [hit.place for hit in hits]


def test_texts_with_rare_words_come_first(context: Context) -> None:
    """Upper case and punctuation do not matter, and of equal scores the first text is first."""
    assert [2, 0, 3] == places(context, "KINGS of the valley?")
    assert [0, 3, 2] == places(context, "river, floods")
    assert [0, 3] == places(context, "river, floods", k=2)


@pytest.mark.parametrize("query", ["", "?", "zebra"])
def test_a_query_that_shares_no_word_finds_nothing(query: str, context: Context) -> None:
    """No text is added to fill up."""
    assert [] == places(context, query)


def test_texts_without_words_are_not_found(context: Context) -> None:
    """Even if there are no others."""
    (hits,) = Bm25(Options()).search(context, ["", "?"], ["river"], 2)

    assert [] == list(hits)


def test_the_score_is_that_of_the_formula(context: Context) -> None:
    """Lucene's: idf log(1 + (n - f + .5) / (f + .5)), and the length of the text against the mean."""
    (hits,) = Bm25(Options()).search(context, ["alpha beta", "alpha gamma delta delta", "gamma"], ["beta"], 3)

    idf = math.log(1 + (3 - 1 + 0.5) / (1 + 0.5))
    weight = 1 / (1 + 1.5 * (1 - 0.75 + 0.75 * 2 / (7 / 3)))
    ((place, score),) = ((hit.place, hit.score) for hit in hits)
    assert 0 == place
    assert score == pytest.approx(idf * weight, rel=1e-5)


def test_the_version_of_bm25s_is_part_of_the_key(context: Context) -> None:
    """Another version may compute other scores."""
    assert Bm25(Options()).fingerprint(context).startswith("bm25s ")
