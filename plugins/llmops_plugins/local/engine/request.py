"""A generation request and what comes of it: pieces while it is generated, then a completion or a rejection."""

from __future__ import annotations

from typing import Union

import attrs

from llmops_plugins.local.weights.prompts import Messages


@attrs.frozen
class TokenPrompt:
    """A prompt as the numbers of its tokens, which go to the model as they are."""

    ids: tuple[int, ...]


@attrs.frozen
class GenerationRequest:
    """What to continue, and how.

    Attributes:
        prompt: A text, tokens, or chat messages.
        max_new_tokens: The most tokens to generate; 0 only scores the prompt. None is as many as the model's context
            has room for, up to a limit.
        temperature: 0 is greedy.
        top_p: Keep the likeliest tokens that together have this probability.
        stop: Strings that end the completion; they are cut from it.
        seed: Of the sampling; None draws differently each time.
        return_full_text: Whether to return the prompt's text too, if it is no chat.
        scores_prompt: Whether to compute the log-probabilities of the prompt's own tokens.
        scores_tokens: Whether to compute those of the generated tokens.
        alternatives: Number of likeliest tokens to return beside each token with a log-probability.
    """

    prompt: str | TokenPrompt | Messages
    max_new_tokens: int | None = 128
    temperature: float = 0.0
    top_p: float = 1.0
    stop: tuple[str, ...] = ()
    seed: int | None = None
    return_full_text: bool = False
    scores_prompt: bool = False
    scores_tokens: bool = False
    alternatives: int = 0


@attrs.frozen
class ScoredToken:
    """A token with its probability, before temperature and top-p.

    Attributes:
        id: Its number in the vocabulary.
        text: Its own text; special tokens as they are written, and a part of a character as the replacement character.
        data: The bytes that it brings to a text; None for a special token.
        log_probability: Natural logarithm of its probability after all tokens before it; None for a prompt's first token.
        alternatives: The likeliest tokens in its place, likeliest first.
    """

    id: int
    text: str
    data: bytes | None
    log_probability: float | None
    alternatives: tuple[ScoredToken, ...] = ()


@attrs.frozen
class Piece:
    """What was generated since the last piece, as far as later tokens cannot change it.

    Attributes:
        text: More of the completion's text; may be empty.
        tokens: The new tokens, if they are scored.
    """

    text: str
    tokens: tuple[ScoredToken, ...] = ()


@attrs.frozen
class Completion:
    """What the model wrote.

    Attributes:
        text: Without special tokens and stop strings.
        finish_reason: `stop` (an end token or a stop string) or `length`.
        prompt_tokens: Number of tokens in the prompt.
        output_tokens: Number of generated tokens, including the end token and what was cut.
        prompt_text: The prompt's text, if the full text was asked for.
        prompt: The prompt's tokens, if it was scored.
        tokens: The generated tokens, if they were scored: all that `output_tokens` counts.
    """

    text: str
    finish_reason: str
    prompt_tokens: int
    output_tokens: int
    prompt_text: str = ""
    prompt: tuple[ScoredToken, ...] = ()
    tokens: tuple[ScoredToken, ...] = ()


@attrs.frozen
class Rejection:
    """Why a request got no completion.

    Attributes:
        reason: One line.
        fault: `request` or `model`.
        code: OpenAI's name for the reason, if it has one.
    """

    reason: str
    fault: str = "request"
    code: str | None = None


GenerationOutcome = Union[Completion, Rejection]
