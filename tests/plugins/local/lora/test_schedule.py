from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("peft")

import numpy as np

from llmops_plugins.local.lora.schedule import (
    Schedule,
    hold_out,
)


def test_an_epoch_has_every_row_once_within_the_budget() -> None:
    """No batch is above the padded budget, there is hardly any padding, and each epoch has its own order."""
    lengths = np.random.default_rng(0).lognormal(5.7, 0.6, 600).astype(np.int64).clip(20, 1000)
    train = np.arange(100, 600)
    schedule = Schedule(train, lengths, epochs=2, batch_tokens=1024, seed=3)
    batches = list(schedule.batches())

    assert len(batches) == schedule.total
    seen = np.concatenate(batches)
    assert sorted(seen) == sorted([*train, *train])
    padded = [len(batch) * lengths[batch].max() for batch in batches]
    assert max(padded) <= 1024
    assert lengths[seen].sum() / sum(padded) > 0.93
    half = len(batches) // 2
    assert [list(batch) for batch in batches[:half]] != [list(batch) for batch in batches[half:]]


def test_a_schedule_continues_from_any_step() -> None:
    """The steps from any step on are those of the complete schedule."""
    lengths = np.arange(10, 200)
    schedule = Schedule(np.arange(190), lengths, epochs=2.5, batch_tokens=400, seed=0)
    batches = [list(batch) for batch in schedule.batches()]

    assert [list(batch) for batch in schedule.batches(len(batches) - 3)] == batches[-3:]


def test_the_length_of_a_schedule() -> None:
    """Epochs may be a fraction, a step limit only shortens, and a row above the budget is a batch of its own."""
    lengths = np.full(10, 100)

    def total(**chosen: Any) -> int:
        return Schedule(np.arange(10), lengths, **{"epochs": 1, "batch_tokens": 200, "seed": 0, **chosen}).total

    assert (total(), total(epochs=1.5), total(epochs=0.5)) == (5, 8, 3)
    assert (total(max_steps=2), total(max_steps=50)) == (2, 5)
    assert total(batch_tokens=50) == 10


@pytest.mark.parametrize(("rows", "wanted", "kept"), [(100, 16, 16), (40, 16, 8), (4, 16, 0), (100, 0, 0)])
def test_held_out_rows(rows: int, wanted: int, kept: int) -> None:
    """Held-out rows are never trained on, and are at most a fifth of all."""
    train, held_out = hold_out(rows, wanted, seed=0)

    assert len(held_out) == kept
    assert sorted([*train, *held_out]) == list(range(rows))
