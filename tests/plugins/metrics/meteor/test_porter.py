"""The stemmer gives the stems of NLTK's own."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from llmops_plugins.metrics.meteor.porter import stem

ENDINGS = (
    "s", "es", "ed", "ing", "er", "ly", "ness", "ational", "fulli", "alli", "logi", "ies", "ied", "eed", "ion", "ement",
    "e", "ll", "iz", "at", "bl", "y", "ous", "izer", "iviti",
)  # fmt: skip


@pytest.fixture(scope="module")
def entries(asset: Callable[[str], Path]) -> list[str]:
    """Every word of WordNet's nouns and verbs."""
    folder = asset("wordnet") / "corpora/wordnet"
    lines = [line for part in ("noun", "verb") for line in (folder / f"index.{part}").read_text().splitlines()]
    return [line.split()[0] for line in lines if not line.startswith(" ")]


def test_stems_are_those_of_nltk(entries: list[str]) -> None:
    """Real words, real words with every suffix of the rules, and random letters."""
    from nltk.stem.porter import PorterStemmer

    pick = random.Random(3)
    words = pick.sample(entries, 8000)
    words += [word + pick.choice(ENDINGS) for word in pick.sample(entries, 8000)]
    words += [
        "".join(pick.choices("aeiouybcdlstwxz", k=pick.randrange(9))) + pick.choice(ENDINGS) for _ in range(16000)
    ]
    words += ["", "a", "İng", "ǅed", "Étude", "\u017fkies", "yyyyy", "Skies", "😀s", "-ed", "ing", "ed", "ied", "eed"]
    expected = PorterStemmer().stem

    assert [word for word in words if expected(word) != stem(word)] == []


def test_a_long_word_does_not_stall() -> None:
    """A word of 100,000 letters takes a moment."""
    assert len(stem("y" * 100_000 + "ing")) == 100_000
