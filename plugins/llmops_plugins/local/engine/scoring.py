"""The log-probabilities of tokens; those of a long prompt are computed in slices.

The logits of a prompt are as many floats as it has tokens times the vocabulary: half a gigabyte for a thousand tokens
and a vocabulary of 128,000. A prompt that is scored is therefore split into slices that go through the model one after
the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

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
        alternatives: Number of likeliest tokens to find in the place of each scored one.
    """

    row: int
    tokens: list[int]
    scored: bool = False
    alternatives: int = 0


@attrs.frozen
class TokenScore:
    """How likely a token is after all tokens before it.

    Attributes:
        log_probability: Natural logarithm of its probability.
        likeliest: The likeliest tokens in its place with their log-probabilities, likeliest first.
    """

    log_probability: float
    likeliest: Mapping[int, float] = attrs.field(factory=dict)


@attrs.frozen
class PrefillResult:
    """What a model computes for prompts.

    Attributes:
        logits: After each prompt: `prompts x vocabulary`, float32.
        scores: For each prompt those of its tokens after the first; empty for a prompt that is not scored.
    """

    logits: Tensor
    scores: list[list[TokenScore]]


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
    alternatives = {prompt.row: prompt.alternatives for prompt in prompts}
    scores: dict[int, list[TokenScore]] = {prompt.row: [] for prompt in prompts}
    for piece, logits in computed:
        following = piece.following
        scores[piece.row] += score_tokens(
            logits[: len(following)], following, [alternatives[piece.row]] * len(following)
        )
        last[piece.row] = logits[-1:].clone()  # a view would keep all logits in memory
    rows = [prompt.row for prompt in prompts]
    return PrefillResult(torch.cat([last[row] for row in rows]), [scores[row] for row in rows])


def score_tokens(logits: Tensor, tokens: Sequence[int], alternatives: Sequence[int]) -> list[TokenScore]:
    """Return how likely each token is.

    Args:
        logits: Float32, `tokens x vocabulary`: what the model computed before each of them.
        tokens: The tokens.
        alternatives: For each token the number of likeliest tokens to find in its place.
    """
    if not tokens:
        return []
    scores = torch.log_softmax(logits, dim=-1)
    index = torch.tensor(tokens, device=logits.device)[:, None]
    own: list[float] = scores.gather(1, index)[:, 0].tolist()
    most = min(max(alternatives), scores.shape[1])
    if most == 0:
        return [TokenScore(score) for score in own]
    top = scores.topk(most)
    return [
        TokenScore(score, dict(zip(ids[:count], values[:count], strict=True)))
        for score, ids, values, count in zip(own, top.indices.tolist(), top.values.tolist(), alternatives, strict=True)
    ]
