"""Between text and tokens: prompts in, completions out, and the strings at which a completion ends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import attrs

from llmops_plugins.local.engine.request import TokenPrompt
from llmops_plugins.local.engine.vocabulary import Vocabulary
from llmops_plugins.local.weights.prompts import ChatTemplateError, Messages, prompt_tokens

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


class RequestRejectedError(ValueError):
    """A request that cannot be completed as it is; the message has the reason.

    Attributes:
        code: OpenAI's name for the reason, if it has one.
    """

    def __init__(self, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.code = code


class TextCodec:
    """A tokenizer as the engine needs it.

    Args:
        tokenizer: The model's.
        ends: Tokens that end every completion.

    Attributes:
        vocabulary: The single tokens.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, ends: frozenset[int]) -> None:
        self._tokenizer = tokenizer
        self._special = dict(zip(tokenizer.all_special_tokens, tokenizer.all_special_ids, strict=True))
        self._special |= {
            str(token): number for number, token in tokenizer.added_tokens_decoder.items() if token.special
        }
        self._ends = ends
        self.vocabulary = Vocabulary(tokenizer, frozenset(self._special.values()))

    def encode(self, prompt: str | TokenPrompt | Messages) -> list[int]:
        """Return a prompt's tokens.

        Raises:
            RequestRejectedError: It cannot be rendered (`prompt_tokens`), or is empty.
        """
        try:
            tokens = list(prompt.ids) if isinstance(prompt, TokenPrompt) else prompt_tokens(self._tokenizer, prompt)
        except ChatTemplateError as exc:
            raise RequestRejectedError(str(exc)) from exc
        if not tokens:
            message = "the prompt is empty: it has no tokens"
            raise RequestRejectedError(message)
        return tokens

    def decode(self, tokens: Sequence[int]) -> str:
        """Return the text of generated tokens, without the special ones."""
        arguments: dict[str, Any] = {"skip_special_tokens": True, "clean_up_tokenization_spaces": False}
        text: str = self._tokenizer.decode(list(tokens), **arguments)
        return text

    def prompt_text(self, prompt: str | TokenPrompt | Messages) -> str:
        """Return a prompt as text: of tokens with the special ones as they are written; of messages nothing."""
        if isinstance(prompt, TokenPrompt):
            text: str = self._tokenizer.decode(list(prompt.ids), clean_up_tokenization_spaces=False)
            return text
        return prompt if isinstance(prompt, str) else ""

    def stop_conditions(self, strings: Sequence[str]) -> StopConditions:
        """Prepare a request's stop strings. A string that is a special token ends the completion as that token."""
        special = {self._special[string] for string in strings if string in self._special}
        plain = tuple(string for string in strings if string not in self._special)
        return StopConditions(self, self._ends | special, plain)


@attrs.frozen
class StopConditions:
    """Where one completion ends, apart from its length.

    Attributes:
        codec: Decodes the tokens.
        tokens: Each of them ends the completion and is no part of its text.
        strings: Each of them ends the completion; the text is cut before the first.
    """

    codec: TextCodec
    tokens: frozenset[int]
    strings: tuple[str, ...]

    def reached(self, tokens: Sequence[int]) -> bool:
        """Return whether the newest token ends the completion.

        Only the newest tokens are decoded. Every token but a special one brings at least one byte, so as many tokens as
        the longest string has bytes contain it completely; a few more keep the first of them in its context.
        """
        if tokens[-1] in self.tokens:
            return True
        if not self.strings:
            return False
        window = max(len(string.encode()) for string in self.strings) + 4
        newest = self.codec.decode(tokens[-window:])
        return any(string in newest for string in self.strings) and self._cut(self.codec.decode(tokens)) is not None

    def completion(self, tokens: Sequence[int]) -> str:
        """Return the completion's text, cut before the first stop string."""
        text = self.codec.decode(tokens[:-1] if tokens and tokens[-1] in self.tokens else tokens)
        cut = self._cut(text)
        return text if cut is None else text[:cut]

    def _cut(self, text: str) -> int | None:
        positions = [position for string in self.strings if (position := text.find(string)) >= 0]
        return min(positions, default=None)
