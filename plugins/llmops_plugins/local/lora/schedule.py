"""Which rows each optimizer step trains on, and its learning rate."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import islice

import numpy as np
import numpy.typing as npt

Indices = npt.NDArray[np.int64]

# Rows of about the same length share a batch; this much random variation groups them differently in each epoch.
_JITTER = 0.05
_ROWS_PER_HELD_OUT_ROW = 5
_WARMUP_SHARE = 0.03


class Schedule:
    """The rows of each optimizer step: a pure function of lengths, token budget and seed.

    Attributes:
        total: Number of optimizer steps.
    """

    def __init__(
        self,
        train: Indices,
        lengths: Indices,
        *,
        epochs: float,
        batch_tokens: int,
        seed: int,
        max_steps: int | None = None,
    ) -> None:
        self._train, self._lengths = train, lengths[train]
        self._budget, self._seed = batch_tokens, seed
        whole, part = divmod(epochs, 1)
        self.total = sum(len(self._epoch(epoch)) for epoch in range(int(whole)))
        if part:
            self.total += math.ceil(part * len(self._epoch(int(whole))))
        if max_steps is not None:
            self.total = min(self.total, max_steps)

    def batches(self, first: int = 0) -> Iterator[Indices]:
        """Yield the indices of each step's rows, starting with step number `first`."""
        return islice(self._endless(), first, self.total)

    def _endless(self) -> Iterator[Indices]:
        epoch = 0
        while True:
            yield from self._epoch(epoch)
            epoch += 1

    def _epoch(self, epoch: int) -> list[Indices]:
        """Divide the rows, sorted by roughly their length, into batches under the budget; shuffle the batches."""
        random = np.random.default_rng([self._seed, 1, epoch])
        jitter = random.uniform(1 - _JITTER, 1 + _JITTER, len(self._lengths))
        order = np.argsort(self._lengths * jitter, kind="stable")
        batches: list[list[int]] = []
        batch: list[int] = []
        longest = 0
        for index in order:
            longest = max(longest, int(self._lengths[index]))
            if batch and longest * (len(batch) + 1) > self._budget:
                batches.append(batch)
                batch, longest = [], int(self._lengths[index])
            batch.append(int(index))
        batches.append(batch)
        return [self._train[batches[number]] for number in random.permutation(len(batches))]


def hold_out(rows: int, at_most: int, seed: int) -> tuple[Indices, Indices]:
    """Return the indices of the rows to train on and of the held-out rows, both shuffled by the seed.

    At most a fifth of the rows is held out, so that a small split still trains.
    """
    order = np.random.default_rng([seed, 0]).permutation(rows)
    count = min(at_most, rows // _ROWS_PER_HELD_OUT_ROW)
    return order[: rows - count], order[rows - count :]


def learning_rate_share(step: int, total: int) -> float:
    """Return the fraction of the peak learning rate at a step (from 0): a linear warm-up, then half a cosine to zero.

    >>> [round(learning_rate_share(step, 100), 2) for step in (0, 2, 3, 51, 99)]
    [0.33, 1.0, 1.0, 0.51, 0.0]
    """
    warmup = max(1, round(_WARMUP_SHARE * total))
    if step < warmup:
        return (step + 1) / warmup
    return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, total - warmup)))
