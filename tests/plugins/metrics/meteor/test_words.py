"""Words and sentences are those of NLTK's `word_tokenize` and `sent_tokenize`."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from llmops_plugins.metrics.meteor.assets import PUNKT_FOLDER as FOLDER
from llmops_plugins.metrics.meteor.sentences import Sentences
from llmops_plugins.metrics.meteor.words import Words

Texts = Sequence[tuple[str, str]]

# What the rules look for, what stands around it, and what is like it.
PIECES = (
    " ", "  ", "\n", "\n\n", "\t", "\x1c", "\x85", "\u2028", "\xa0", ".", "..", "...", ". . .", "?", "!", "?!", ",", ":",
    ";", "'", "''", '"', "`", "``", "“", "”", "\u2018", "\u2019", "«", "»", "„", "(", ")", "[", "]", "{", "}", "<", ">", "-", "--",
    "\u2014", "\u2013", "*", "@", "#", "$", "%", "&", "/", "'s", "'S", "'ll", "n't", "'T", "can't", "cannot", "Cannot", "gimme",
    "gonna", "d'ye", "'tis", "'Twas", "wanna", "more'n", "lemme", "gotta", "GİMME", "g\u0131mme", "Mr.", "Dr.", "U.S.", "J.",
    "a.m.", "e.g.", "No.", "3.", "3,456.7", "1.5", "-2.", "1990.", "Bach", "The", "the", "He", "he", "in", "Most", "I",
    "word", "Smith", "international", "😀", "é", "É", "中", "x", "\u017f", "\u212a", "\ud83d", "\x00",
)  # fmt: skip


@pytest.fixture(scope="module")
def words(asset: Callable[[str], Path]) -> Words:
    return Words(asset("punkt-tab"))


def strewn(count: int) -> Iterator[str]:
    pick = random.Random(3)
    for _ in range(count):
        yield "".join(pick.choice(PIECES) + (" " if pick.random() < 0.45 else "") for _ in range(pick.randrange(1, 16)))


@pytest.mark.usefixtures("nltk_data")
def test_words_of_any_text_are_those_of_nltk(words: Words, pairs: Texts, odd_texts: Sequence[str]) -> None:
    """Prose, odd texts, and thousands of texts of what the rules look for."""
    from nltk import word_tokenize

    texts = [*odd_texts, *(text for pair in pairs for text in pair), *strewn(6000)]

    assert [text for text in texts if word_tokenize(text) != words.split(text)] == []


@pytest.mark.usefixtures("nltk_data")
def test_sentences_of_any_text_are_those_of_nltk(asset: Callable[[str], Path], odd_texts: Sequence[str]) -> None:
    """With initials, abbreviations, numbers and quotes at their ends."""
    from nltk import sent_tokenize

    sentences = Sentences(asset("punkt-tab") / FOLDER)
    texts = [
        *odd_texts,
        *strewn(3000),
        'He said: "No. 5 is mine." (J. S. Bach lived in St. Thomas.) Did he?! Yes... No.',
    ]

    assert [text for text in texts if sent_tokenize(text) != sentences.split(text)] == []


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
def test_marks_without_end_do_not_stall(words: Words, count: int, text: str) -> None:
    """Tens of thousands of them are split as by NLTK; with a rule that takes the square of them this would not end."""
    assert count == len(words.split(text))
