"""The tokens of a vocabulary: the text of each on its own, and the bytes that it brings to a text."""

from __future__ import annotations

import re
from typing import Any

import attrs

from llmops_plugins.local.engine.request import ScoredToken
from llmops_plugins.local.engine.scoring import TokenScore

_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_BYTE = re.compile(r"<0x([0-9A-Fa-f]{2})>")
_ANCHOR = "a"


@attrs.frozen
class _Token:
    text: str
    data: bytes | None


class Vocabulary:
    """The tokens of one tokenizer; each is looked up once.

    Args:
        tokenizer: Of transformers.
        special: The numbers of tokens that are no text.
    """

    def __init__(self, tokenizer: Any, special: frozenset[int]) -> None:
        self._tokenizer = tokenizer
        self._special = special
        self._tokens: dict[int, _Token] = {}
        # Some tokenizers drop a space at the start of a text: a token is therefore decoded after another one.
        self._anchor: list[int] = tokenizer.encode(_ANCHOR, add_special_tokens=False)
        self._anchor_text = self._decode(self._anchor)

    def scored(self, token: int, score: TokenScore | None) -> ScoredToken:
        """Return a token with its probability and its alternatives; without a score they are unknown."""
        if score is None:
            return self._make(token, None)
        alternatives = tuple(self._make(other, value) for other, value in score.likeliest.items())
        return attrs.evolve(self._make(token, score.log_probability), alternatives=alternatives)

    def _make(self, token: int, log_probability: float | None) -> ScoredToken:
        known = self._tokens.get(token)
        if known is None:
            known = self._tokens[token] = self._look_up(token)
        return ScoredToken(token, known.text, known.data, log_probability)

    def _look_up(self, token: int) -> _Token:
        written = self._tokenizer.convert_ids_to_tokens(token)
        if token in self._special:
            return _Token(str(written), None)
        text = self._decode([*self._anchor, token])[len(self._anchor_text) :]
        if _REPLACEMENT not in text:
            return _Token(text, text.encode())
        return _Token(text, _raw_bytes(written) if isinstance(written, str) else None)

    def _decode(self, tokens: list[int]) -> str:
        text: str = self._tokenizer.decode(tokens, skip_special_tokens=False, clean_up_tokenization_spaces=False)
        return text


def _raw_bytes(written: str) -> bytes | None:
    r"""Return the bytes of a token that is not a complete text, from how the vocabulary writes it.

    >>> _raw_bytes("<0xE2>"), _raw_bytes("âĢ")
    (b'\xe2', b'\xe2\x80')
    """
    match = _BYTE.fullmatch(written)
    if match:
        return bytes([int(match[1], 16)])
    numbers = [_BYTE_OF_CHARACTER.get(character) for character in written]
    return bytes(number for number in numbers if number is not None) if None not in numbers else None


def _byte_of_character() -> dict[str, int]:
    """Return GPT-2's table: visible characters of Latin-1 stand for themselves, all other bytes for those from U+0100."""
    visible = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [number for number in range(256) if number not in visible]
    return {chr(number): number for number in visible} | {
        chr(0x100 + index): number for index, number in enumerate(others)
    }


_BYTE_OF_CHARACTER = _byte_of_character()
