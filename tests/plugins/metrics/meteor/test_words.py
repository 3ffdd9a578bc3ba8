"""Words are those of NLTK's `word_tokenize`."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from llmops_plugins.metrics.meteor.words import Words

from .conftest import Texts, random_texts


@pytest.fixture(scope="module")
def words(asset: Callable[[str], Path]) -> Words:
    return Words(asset("punkt-tab"))


@pytest.mark.usefixtures("nltk_data")
def test_words_of_any_text_are_those_of_nltk(words: Words, pairs: Texts, odd_texts: Sequence[str]) -> None:
    """Prose, odd texts, and thousands of texts of the pieces that the rules look for."""
    from nltk import word_tokenize

    texts = [*odd_texts, *(text for pair in pairs for text in pair), *random_texts(6000)]

    assert [text for text in texts if word_tokenize(text) != words.split(text)] == []


@pytest.mark.usefixtures("nltk_data")
def test_words_of_real_texts_are_those_of_nltk(words: Words, real_data: Callable[[str], Path]) -> None:
    """Every text of a part of Dolly."""
    from nltk import word_tokenize

    rows = [json.loads(line) for line in real_data("dolly/dolly_mix_390.jsonl").read_text("utf-8").splitlines()]
    texts = [row[field] for row in rows for field in ("instruction", "context", "response")]

    assert len(texts) > 1000
    assert [text for text in texts if word_tokenize(text) != words.split(text)] == []


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    ("count", "text"),
    [
        (40_000, "?! " * 20_000),
        (1, "." * 50_000),
        (30_001, "a. " * 30_000),
        (15_000, "'" * 30_000),
        (15_000, "-" * 30_000),
        (0, " " * 100_000),
    ],
)
def test_thousands_of_marks_do_not_stall(words: Words, count: int, text: str) -> None:
    """They are split as by NLTK; a rule whose time grows with their square would not finish."""
    assert count == len(words.split(text))
