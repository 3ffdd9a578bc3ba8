"""Completions as OpenAI's API returns them: a body for all of them, or a chunk for each piece."""

from __future__ import annotations

import secrets
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from llmops_plugins.local.engine.request import Completion, Piece, ScoredToken
from llmops_plugins.local.server.openai.offsets import TextOffsets


class Form(ABC):
    """The form of one response.

    Args:
        model: The model's name.
        scored: Whether log-probabilities were asked for.
    """

    kind: str
    chunk_kind: str
    prefix: str

    def __init__(self, model: str, *, scored: bool) -> None:
        self._model = model
        self._scored = scored
        self._id = f"{self.prefix}-{secrets.token_hex(12)}"
        self._created = int(time.time())

    def body(self, completions: Sequence[Completion]) -> dict[str, Any]:
        """Return the response with all completions."""
        choices = [self._choice(index, completion) for index, completion in enumerate(completions)]
        return {**self._head(self.kind), "choices": choices, "usage": usage(completions)}

    def first_chunk(self, index: int) -> dict[str, Any] | None:
        """Return what comes before the first piece of a completion, or None."""
        return None

    def chunk(self, index: int, piece: Piece) -> dict[str, Any]:
        """Return a piece of a completion."""
        return self._chunk(index, self._part(index, piece))

    @abstractmethod
    def last_chunk(self, index: int, finish_reason: str) -> dict[str, Any]:
        """Return the end of a completion."""

    def usage_chunk(self, completions: Sequence[Completion]) -> dict[str, Any]:
        """Return the token counts, which come last."""
        return {**self._head(self.chunk_kind), "choices": [], "usage": usage(completions)}

    @abstractmethod
    def _choice(self, index: int, completion: Completion) -> dict[str, Any]:
        """Return a completion."""

    @abstractmethod
    def _part(self, index: int, piece: Piece) -> dict[str, Any]:
        """Return what a chunk has of a piece."""

    def _chunk(self, index: int, part: dict[str, Any], finish_reason: str | None = None) -> dict[str, Any]:
        choice = {"index": index, "logprobs": None, "finish_reason": finish_reason, **part}
        return {**self._head(self.chunk_kind), "choices": [choice]}

    def _head(self, kind: str) -> dict[str, Any]:
        return {"id": self._id, "object": kind, "created": self._created, "model": self._model}


class ChatForm(Form):
    """Chat completions."""

    kind = "chat.completion"
    chunk_kind = "chat.completion.chunk"
    prefix = "chatcmpl"

    def first_chunk(self, index: int) -> dict[str, Any] | None:
        return self._chunk(index, {"delta": {"role": "assistant", "content": ""}})

    def last_chunk(self, index: int, finish_reason: str) -> dict[str, Any]:
        return self._chunk(index, {"delta": {}}, finish_reason)

    def _choice(self, index: int, completion: Completion) -> dict[str, Any]:
        return {
            "index": index,
            "message": {"role": "assistant", "content": completion.text},
            "logprobs": self._logprobs(completion.tokens),
            "finish_reason": completion.finish_reason,
        }

    def _part(self, index: int, piece: Piece) -> dict[str, Any]:
        return {"delta": {"content": piece.text}, "logprobs": self._logprobs(piece.tokens)}

    def _logprobs(self, tokens: Sequence[ScoredToken]) -> dict[str, Any] | None:
        if not self._scored:
            return None
        return {
            "content": [
                {**_chat_token(token), "top_logprobs": [_chat_token(other) for other in token.alternatives]}
                for token in tokens
            ]
        }


class TextForm(Form):
    """Text completions."""

    kind = chunk_kind = "text_completion"
    prefix = "cmpl"

    def __init__(self, model: str, *, scored: bool) -> None:
        super().__init__(model, scored=scored)
        self._offsets: dict[int, TextOffsets] = {}

    def last_chunk(self, index: int, finish_reason: str) -> dict[str, Any]:
        return self._chunk(index, {"text": ""}, finish_reason)

    def _choice(self, index: int, completion: Completion) -> dict[str, Any]:
        offsets = TextOffsets()
        starts = offsets.of_prompt(completion.prompt, completion.prompt_text)
        starts += offsets.of_completion(completion.tokens)
        return {
            "index": index,
            "text": completion.prompt_text + completion.text,
            "logprobs": self._logprobs([*completion.prompt, *completion.tokens], starts),
            "finish_reason": completion.finish_reason,
        }

    def _part(self, index: int, piece: Piece) -> dict[str, Any]:
        starts = self._offsets.setdefault(index, TextOffsets()).of_completion(piece.tokens)
        return {"text": piece.text, "logprobs": self._logprobs(piece.tokens, starts)}

    def _logprobs(self, tokens: Sequence[ScoredToken], starts: Sequence[int]) -> dict[str, Any] | None:
        if not self._scored:
            return None
        return {
            "tokens": [token.text for token in tokens],
            "token_logprobs": [token.log_probability for token in tokens],
            "top_logprobs": [_likeliest(token) for token in tokens],
            "text_offset": list(starts),
        }


def usage(completions: Sequence[Completion]) -> dict[str, int]:
    """Return the token counts of completions."""
    prompt_tokens = sum(completion.prompt_tokens for completion in completions)
    output_tokens = sum(completion.output_tokens for completion in completions)
    return {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": output_tokens,
        "total_tokens": prompt_tokens + output_tokens,
    }


def _chat_token(token: ScoredToken) -> dict[str, Any]:
    data = None if token.data is None else list(token.data)
    return {"token": token.text, "logprob": token.log_probability, "bytes": data}


def _likeliest(token: ScoredToken) -> dict[str, float | None] | None:
    """Return the likeliest tokens by their texts, and the token itself; of two with one text the likelier."""
    if token.log_probability is None:
        return None
    likeliest: dict[str, float | None] = {}
    for other in (*token.alternatives, token):
        likeliest.setdefault(_name(other), other.log_probability)
    return likeliest


def _name(token: ScoredToken) -> str:
    r"""Return a token's text; of a part of a character its bytes, as OpenAI writes them: parts may look alike.

    >>> _name(ScoredToken(1, "\N{REPLACEMENT CHARACTER}", b"\xe2\x80", -1.0))
    'bytes:\\xe2\\x80'
    """
    if token.data is None or token.text.encode() == token.data:
        return token.text
    return "bytes:" + "".join(f"\\x{byte:02x}" for byte in token.data)
