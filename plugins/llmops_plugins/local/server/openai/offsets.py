"""Where tokens start in a text."""

from __future__ import annotations

from collections.abc import Sequence

from llmops_plugins.local.engine.request import ScoredToken


class TextOffsets:
    """Counts characters: of a prompt first, if the text starts with one, then of what was generated.

    A token that continues a character starts at it.
    """

    def __init__(self) -> None:
        self._characters = 0

    def of_prompt(self, tokens: Sequence[ScoredToken], text: str) -> list[int]:
        """Return where each of a prompt's tokens starts in its text.

        Tokenizers may put a special token or a space before it, which the text does not have.
        """
        raw, position, starts = text.encode(), 0, []
        for token in tokens:
            data = token.text.encode() if token.data is None else token.data
            if token.data is None and not raw.startswith(data, position):
                data = b""
            elif data.startswith(b" ") and not raw.startswith(b" ", position):
                data = data[1:]
            starts.append(self._advance(data))
            position += len(data)
        self._characters = len(text)
        return starts

    def of_completion(self, tokens: Sequence[ScoredToken]) -> list[int]:
        """Return where each generated token starts; special ones have no text."""
        return [self._advance(token.data or b"") for token in tokens]

    def _advance(self, data: bytes) -> int:
        start = self._characters - (1 if _continues(data[:1]) else 0)
        self._characters += sum(not _continues(data[index : index + 1]) for index in range(len(data)))
        return start


def _continues(byte: bytes) -> bool:
    """Return whether a byte of UTF-8 continues a character."""
    return bool(byte) and byte[0] & 0xC0 == 0x80  # noqa: PLR2004 - UTF-8's mark
