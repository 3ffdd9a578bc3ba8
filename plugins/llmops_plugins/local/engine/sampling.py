"""From logits to tokens: greedy, or by temperature and nucleus, each row with its own options and its own seed."""

from __future__ import annotations

import random

import attrs
import torch
from torch import Tensor

# A nucleus rarely has more tokens; where it has, all are sorted.
_TOP = 256


@attrs.define
class Chooser:
    """How one row chooses its tokens.

    Attributes:
        temperature: 0 is greedy.
        top_p: Keep the likeliest tokens that together have this probability.
        random: Of this row alone, so that what it draws does not depend on its neighbours.
    """

    temperature: float
    top_p: float
    random: random.Random


def choose(logits: Tensor, choosers: list[Chooser]) -> list[int | None]:
    """Return the next token of every row.

    A sampled token is drawn by inverting the cumulative distribution with one number of the row's own generator.

    Args:
        logits: One row of float32 for each chooser, as long as the vocabulary.
        choosers: How each row chooses.

    Returns:
        A token for each row; None where the logits are not finite.
    """
    best, greedy = logits.max(dim=-1)
    chosen: list[int | None] = list(greedy.tolist())
    drawn = [row for row, chooser in enumerate(choosers) if chooser.temperature > 0]
    if drawn:
        for row, token in zip(drawn, _draw(logits[drawn], [choosers[row] for row in drawn]), strict=True):
            chosen[row] = token
    for row, finite in enumerate(best.isfinite().tolist()):
        if not finite:
            chosen[row] = None
    return chosen


def _draw(logits: Tensor, choosers: list[Chooser]) -> list[int]:
    heat = torch.tensor([[chooser.temperature] for chooser in choosers], dtype=logits.dtype, device=logits.device)
    # Less the largest first: a tiny temperature then gives zeros and -inf, never NaN.
    probabilities = torch.softmax((logits - logits.amax(dim=-1, keepdim=True)) / heat, dim=-1)
    points = [chooser.random.random() for chooser in choosers]
    return [
        _draw_all(row, point) if chooser.top_p >= 1 else _draw_nucleus(row, chooser.top_p, point)
        for row, chooser, point in zip(probabilities, choosers, points, strict=True)
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
    """Return the place at which the cumulative sums pass `point` of their total; one of probability 0 is never it."""
    place = torch.searchsorted(sums, torch.tensor(point * float(sums[-1]), dtype=sums.dtype), right=True)
    return min(int(place), sums.numel() - 1)
