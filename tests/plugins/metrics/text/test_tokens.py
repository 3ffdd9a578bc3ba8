"""Words of texts in many scripts."""

from __future__ import annotations

import pytest

from llmops_plugins.metrics.text.tokens import words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It's 5 o'clock; don't \u2018quote\u2019 me.", ["it's", "5", "o'clock", "don't", "quote", "me"]),
        ("東京タワー in Tokyo", ["東", "京", "タ", "ワ", "ー", "in", "tokyo"]),
        ("हिन्दी में है।", ["हिन्दी", "में", "है"]),
        ("e\u0301tude ÉTUDE", ["étude", "étude"]),
        ("... !", []),
    ],
)
def test_words_of_many_scripts(text: str, expected: list[str]) -> None:
    """Han and kana are counted by the letter; accents and vowel signs do not divide a word."""
    assert expected == list(words(text))
