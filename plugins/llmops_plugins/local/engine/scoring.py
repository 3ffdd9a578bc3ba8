"""The log-probabilities of a prompt's tokens, with the logits of a long prompt computed in slices.

The logits of a prompt are as many floats as it has tokens times the vocabulary: half a gigabyte for a thousand tokens
and a vocabulary of 128,000. A prompt that is scored is therefore split into slices that go through the model one after
the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import attrs
import torch
from torch import Tensor

# Logits at a time: 64 MB of float32, and as much again for their softmax.
_MAX_LOGITS = 1 << 24


@attrs.frozen
class RowPrompt:
    """A prompt and the row to put it into.

    Attributes:
        row: The row's number.
        tokens: The prompt's tokens.
        scored: Whether to compute the log-probabilities of its tokens.
    """

    row: int
    tokens: list[int]
    scored: bool = False


@attrs.frozen
class PrefillResult:
    """What a model computes for prompts.

    Attributes:
        logits: After each prompt: `prompts x vocabulary`, float32.
        log_probabilities: For each prompt the natural logarithms of the probabilities of its tokens after the first;
            empty for a prompt that is not scored.
    """

    logits: Tensor
    log_probabilities: list[list[float]]


@attrs.frozen
class PromptSlice:
    """A slice of a prompt that goes through the model in one pass, with all tokens before it.

    Attributes:
        row: The prompt's row.
        tokens: From the start of the prompt to the end of this slice.
        start: Index of this slice's first token, if the logits of all its tokens are needed; None if only the last are.
        following: For each token of this slice the one that follows it, to the end of the prompt.
    """

    row: int
    tokens: list[int]
    start: int | None = None
    following: list[int] = attrs.field(factory=list)

    @property
    def scored(self) -> int:
        """Number of tokens whose logits are needed for log-probabilities."""
        return 0 if self.start is None else len(self.tokens) - self.start


def max_scored_tokens(vocabulary: int) -> int:
    """Return the most tokens that one pass may score."""
    return max(1, _MAX_LOGITS // vocabulary)


def split_prompt(prompt: RowPrompt, slice_tokens: int) -> Iterator[PromptSlice]:
    """Split a prompt that is scored into slices of `slice_tokens` tokens; leave another one in one slice.

    Only the last slice may be shorter, so that two slices of one prompt never fit into the same pass.
    """
    if not prompt.scored:
        yield PromptSlice(prompt.row, prompt.tokens)
        return
    for start in range(0, len(prompt.tokens), slice_tokens):
        end = min(start + slice_tokens, len(prompt.tokens))
        yield PromptSlice(prompt.row, prompt.tokens[:end], start, prompt.tokens[start + 1 : end + 1])


def join_slices(prompts: Sequence[RowPrompt], computed: Iterable[tuple[PromptSlice, Tensor]]) -> PrefillResult:
    """Join the logits of the slices of prompts into one result.

    Args:
        prompts: The complete prompts.
        computed: Every slice, those of a prompt in their order, with its logits in float32: `tokens x vocabulary`, of
            all scored tokens or of the last token.
    """
    last: dict[int, Tensor] = {}
    scores: dict[int, list[float]] = {prompt.row: [] for prompt in prompts}
    for piece, logits in computed:
        scores[piece.row] += _log_probabilities(logits, piece.following)
        last[piece.row] = logits[-1:].clone()  # a view would keep all logits in memory
    rows = [prompt.row for prompt in prompts]
    return PrefillResult(torch.cat([last[row] for row in rows]), [scores[row] for row in rows])


def _log_probabilities(logits: Tensor, tokens: list[int]) -> list[float]:
    if not tokens:
        return []
    index = torch.tensor(tokens, device=logits.device)[:, None]
    scores: list[float] = torch.log_softmax(logits[: len(tokens)], dim=-1).gather(1, index)[:, 0].tolist()
    return scores
