"""A generation request and what comes of it: a completion or a rejection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Union

import attrs


@attrs.frozen
class GenerationRequest:
    """What to continue, and how.

    Attributes:
        prompt: A text, or chat messages.
        max_new_tokens: The most tokens to generate.
        temperature: 0 is greedy.
        top_p: Keep the likeliest tokens that together have this probability.
        stop: Strings that end the completion; they are cut from it.
        seed: Of the sampling; None draws differently each time.
        return_full_text: Whether the completion starts with the prompt, if that is a text.
        scores_prompt: Whether to compute the log-probabilities of the prompt's own tokens.
    """

    prompt: str | Sequence[Mapping[str, str]]
    max_new_tokens: int = 128
    temperature: float = 0.0
    top_p: float = 1.0
    stop: tuple[str, ...] = ()
    seed: int | None = None
    return_full_text: bool = False
    scores_prompt: bool = False


@attrs.frozen
class PromptToken:
    """A token of a prompt.

    Attributes:
        id: Its number in the vocabulary.
        text: Its own text; special tokens as they are written.
        log_probability: Natural logarithm of its probability after all tokens before it; None for the first token.
    """

    id: int
    text: str
    log_probability: float | None


@attrs.frozen
class Completion:
    """What the model wrote.

    Attributes:
        text: Without special tokens and stop strings.
        finish_reason: `stop` (an end token or a stop string) or `length`.
        prompt_tokens: Number of tokens in the prompt.
        output_tokens: Number of generated tokens, including the end token and what was cut.
        prompt: The prompt's tokens, if it was scored.
    """

    text: str
    finish_reason: str
    prompt_tokens: int
    output_tokens: int
    prompt: tuple[PromptToken, ...] = ()


@attrs.frozen
class Rejection:
    """Why a request got no completion.

    Attributes:
        reason: One line.
        fault: `request` or `model`.
    """

    reason: str
    fault: str = "request"


GenerationOutcome = Union[Completion, Rejection]
