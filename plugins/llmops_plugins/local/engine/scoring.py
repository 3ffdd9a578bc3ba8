"""How likely a model finds the tokens of a prompt, with the logits of a long one in slices.

The logits of a prompt are as many floats as it has tokens times the vocabulary: half a gigabyte for a thousand tokens
and a vocabulary of 128,000. A prompt that is scored is therefore cut into pieces that go through the model one after
the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import attrs
import torch
from torch import Tensor

# Logits at a time: 64 MB of float32, and as much again for their softmax.
_MOST_LOGITS = 1 << 24


@attrs.frozen
class RowPrompt:
    """A prompt, and the row that shall hold it.

    Attributes:
        row: Its number.
        tokens: Of the prompt.
        scored: Whether the log-probabilities of its tokens are wanted.
    """

    row: int
    tokens: list[int]
    scored: bool = False


@attrs.frozen
class Prefilled:
    """What a model says about prompts.

    Attributes:
        logits: After each prompt: `prompts x vocabulary`, float32.
        log_probabilities: For each prompt those of its tokens after the first, by natural logarithm; none where it is
            not scored.
    """

    logits: Tensor
    log_probabilities: list[list[float]]


@attrs.frozen
class Piece:
    """A prompt up to some place, of which a part goes through the model in one pass.

    Attributes:
        row: Of the prompt.
        tokens: From the prompt's beginning.
        start: Where the part begins whose logits are all wanted; None where only the last logits are.
        following: The tokens that follow each of that part's, as far as the prompt goes.
    """

    row: int
    tokens: list[int]
    start: int | None = None
    following: list[int] = attrs.field(factory=list)

    @property
    def scored(self) -> int:
        """How many tokens' logits are wanted for their log-probabilities."""
        return 0 if self.start is None else len(self.tokens) - self.start


def most_scored(vocabulary: int) -> int:
    """Return how many tokens of one pass may be scored."""
    return max(1, _MOST_LOGITS // vocabulary)


def cut(prompt: RowPrompt, most: int) -> Iterator[Piece]:
    """Cut a prompt that is scored into pieces of `most` tokens; another one stays whole.

    Only the last piece may be shorter, so that two of one prompt have never room in the same pass.
    """
    if not prompt.scored:
        yield Piece(prompt.row, prompt.tokens)
        return
    for start in range(0, len(prompt.tokens), most):
        end = min(start + most, len(prompt.tokens))
        yield Piece(prompt.row, prompt.tokens[:end], start, prompt.tokens[start + 1 : end + 1])


def collect(prompts: Sequence[RowPrompt], read: Iterable[tuple[Piece, Tensor]]) -> Prefilled:
    """Put together what was read of the pieces of prompts.

    Args:
        prompts: The whole ones.
        read: Every piece, those of a prompt in their order, and its logits in float32: `tokens x vocabulary`, of the
            scored ones or of the last one.
    """
    last: dict[int, Tensor] = {}
    found: dict[int, list[float]] = {prompt.row: [] for prompt in prompts}
    for piece, logits in read:
        found[piece.row] += _log_probabilities(logits, piece.following)
        last[piece.row] = logits[-1:].clone()  # else the whole slice stays in memory
    rows = [prompt.row for prompt in prompts]
    return Prefilled(torch.cat([last[row] for row in rows]), [found[row] for row in rows])


def _log_probabilities(logits: Tensor, tokens: list[int]) -> list[float]:
    if not tokens:
        return []
    wanted = torch.tensor(tokens, device=logits.device)[:, None]
    found: list[float] = torch.log_softmax(logits[: len(tokens)], dim=-1).gather(1, wanted)[:, 0].tolist()
    return found
