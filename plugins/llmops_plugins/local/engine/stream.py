"""The text of a completion while it is generated."""

from __future__ import annotations

from collections.abc import Sequence

from llmops_plugins.local.engine.text import StopConditions

_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


class TextStream:
    """Returns the text of a completion bit by bit, as far as later tokens can neither change it nor cut it.

    Only the newest tokens are decoded: those that gave the last text, which some decoders need to keep a space, and those
    after them.

    Args:
        stops: Where the completion ends.
    """

    def __init__(self, stops: StopConditions) -> None:
        self._stops = stops
        self._before: list[int] = []  # the tokens of the last text
        self._new: list[int] = []  # those whose text is not complete
        self._held = ""

    def add(self, tokens: Sequence[int]) -> str:
        """Add generated tokens that do not end the completion; return the text that is now final."""
        self._new += tokens
        decode = self._stops.codec.decode
        before = decode(self._before)
        text = decode([*self._before, *self._new])
        if len(text) <= len(before) or text.endswith(_REPLACEMENT):  # no text, or a part of a character
            return ""
        self._before, self._new = self._new, []
        self._held += text[len(before) :]
        final = len(self._held) - self._start_of_a_stop()
        result, self._held = self._held[:final], self._held[final:]
        return result

    def _start_of_a_stop(self) -> int:
        """Return how many characters at the end may be the start of a stop string."""
        return max(
            (
                length
                for string in self._stops.strings
                for length in range(1, min(len(string), len(self._held) + 1))
                if self._held.endswith(string[:length])
            ),
            default=0,
        )
