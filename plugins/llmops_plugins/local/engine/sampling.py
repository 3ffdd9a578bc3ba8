"""From logits to tokens: greedy, or by temperature and top-p, each row with its own options and its own seed."""

from __future__ import annotations

import random

import attrs
import torch
from torch import Tensor

# A nucleus rarely has more tokens; if one has, all tokens are sorted.
_TOP = 256


@attrs.define
class Sampler:
    """How one row chooses its tokens.

    Attributes:
        temperature: 0 is greedy.
        top_p: Keep the likeliest tokens that together have this probability.
        random: The generator of this row alone, so that its tokens do not depend on other rows.
    """

    temperature: float
    top_p: float
    random: random.Random


def choose_tokens(logits: Tensor, samplers: list[Sampler]) -> list[int | None]:
    """Return the next token of every row.

    A sampled token is drawn by inverting the cumulative distribution at one number of the row's own generator.

    Args:
        logits: Float32, `rows x vocabulary`.
        samplers: One for each row.

    Returns:
        A token for each row; None if the logits are not finite.
    """
    best, greedy = logits.max(dim=-1)
    chosen: list[int | None] = list(greedy.tolist())
    drawn = [row for row, sampler in enumerate(samplers) if sampler.temperature > 0]
    if drawn:
        for row, token in zip(drawn, _draw(logits[drawn], [samplers[row] for row in drawn]), strict=True):
            chosen[row] = token
    for row, finite in enumerate(best.isfinite().tolist()):
        if not finite:
            chosen[row] = None
    return chosen


def _draw(logits: Tensor, samplers: list[Sampler]) -> list[int]:
    temperatures = torch.tensor(
        [[sampler.temperature] for sampler in samplers], dtype=logits.dtype, device=logits.device
    )
    # Subtract the largest logit first: a tiny temperature then gives zeros and -inf, never NaN.
    probabilities = torch.softmax((logits - logits.amax(dim=-1, keepdim=True)) / temperatures, dim=-1)
    points = [sampler.random.random() for sampler in samplers]
    return [
        _draw_all(row, point) if sampler.top_p >= 1 else _draw_nucleus(row, sampler.top_p, point)
        for row, sampler, point in zip(probabilities, samplers, points, strict=True)
    ]


def _draw_all(probabilities: Tensor, point: float) -> int:
    return _invert(_sums(probabilities), point)


def _draw_nucleus(probabilities: Tensor, top_p: float, point: float) -> int:
    likeliest, tokens = probabilities.topk(min(_TOP, probabilities.numel()))
    sums = _sums(likeliest)
    if sums[-1] < top_p:
        likeliest, tokens = probabilities.sort(descending=True)
        sums = _sums(likeliest)
    # The token that reaches `top_p` is kept, so there is always one.
    kept = min(int((sums < top_p).sum()) + 1, sums.numel())
    return int(tokens[_invert(sums[:kept], point)])


def _sums(probabilities: Tensor) -> Tensor:
    return probabilities.cpu().double().cumsum(dim=0)


def _invert(sums: Tensor, point: float) -> int:
    """Return the index at which the cumulative sums pass `point` of their total; never one with probability 0."""
    index = torch.searchsorted(sums, torch.tensor(point * float(sums[-1]), dtype=sums.dtype), right=True)
    return min(int(index), sums.numel() - 1)
