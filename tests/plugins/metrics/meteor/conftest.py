"""Texts of everything that the rules for words and sentences look for."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

Texts = Sequence[tuple[str, str]]
# What the rules look for, its surroundings, and what resembles it.
PIECES = (
    " ", "  ", "\n", "\n\n", "\t", "\x1c", "\x85", "\u2028", "\xa0", ".", "..", "...", ". . .", "?", "!", "?!", ",", ":",
    ";", "'", "''", '"', "`", "``", "“", "”", "\u2018", "\u2019", "«", "»", "„", "(", ")", "[", "]", "{", "}", "<", ">", "-", "--",
    "\u2014", "\u2013", "*", "@", "#", "$", "%", "&", "/", "'s", "'S", "'ll", "n't", "'T", "can't", "cannot", "Cannot", "gimme",
    "gonna", "d'ye", "'tis", "'Twas", "wanna", "more'n", "lemme", "gotta", "GİMME", "g\u0131mme", "Mr.", "Dr.", "U.S.", "J.",
    "a.m.", "e.g.", "No.", "3.", "3,456.7", "1.5", "-2.", "1990.", "Bach", "The", "the", "He", "he", "in", "Most", "I",
    "word", "Smith", "international", "😀", "é", "É", "中", "x", "\u017f", "\u212a", "\ud83d", "\x00",
)  # fmt: skip


def random_texts(count: int) -> Iterator[str]:
    """Yield texts of pieces that the rules look for."""
    pick = random.Random(3)
    for _ in range(count):
        yield "".join(pick.choice(PIECES) + (" " if pick.random() < 0.45 else "") for _ in range(pick.randrange(1, 16)))
