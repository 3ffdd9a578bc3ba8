"""The checkpoints of a recipe are one candidate."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import pytest

from llmops_sdk.values.results import CellResult, Speed
from llmops_sdk.values.scores import Metric
from llmops_sdk.verdict.leaderboard import make_leaderboard
from llmops_sdk.verdict.recipe import join_checkpoints
from llmops_sdk.verdict.table import CellColumn, Kind, MetricColumn

F1 = Metric("f1", "F1", bounds=(0.0, 1.0))


def checkpoint(seed: int | None, scores: list[float], name: str = "tuned", **changes: Any) -> CellColumn:
    """A checkpoint with these scores; NaN is a failure of its own."""
    suffix = "" if seed is None else f".seed{seed}"
    result = CellResult(
        f"{name}.p.d{suffix}",
        name,
        name,
        "p",
        seed is not None,
        len(scores),
        len(scores),
        {},
        {},
        None,
        None,
        {},
        seed=seed,
    )
    numbers = np.array(scores)
    kinds = np.where(np.isnan(numbers), Kind.FAILED, Kind.SCORED)
    return CellColumn(attrs.evolve(result, **changes), {"f1": MetricColumn(numbers, kinds)})


def test_counts_are_sums_and_speeds_are_means() -> None:
    """Details that differ are those of the checkpoints alone."""
    first = checkpoint(
        1,
        [0.5] * 4,
        empty=1,
        unscored={"e": 1},
        speed=Speed(2, 1.0, 2.0, 10.0),
        endpoint={"device": "cpu", "weights": "a"},
    )
    second = checkpoint(
        2,
        [0.5] * 4,
        empty=2,
        unscored={"e": 2},
        speed=Speed(2, 3.0, 4.0, None),
        endpoint={"device": "cpu", "weights": "b"},
    )

    row = join_checkpoints([first, second]).result

    assert ("tuned", "tuned.p.d", None) == (row.candidate, row.cell, row.seed)
    assert (8, 8, 4, 3, {"e": 3}) == (row.questions, row.answered, row.records, row.empty, row.unscored)
    assert Speed(2, 2.0, 3.0, None) == row.speed
    assert {"device": "cpu"} == row.endpoint
    assert (first.result, second.result) == row.checkpoints == row.parts


def test_one_checkpoint_stays_what_it_is() -> None:
    """Of a recipe whose other trainings failed, or of a candidate without seeds."""
    alone = checkpoint(1, [0.5])

    assert alone is join_checkpoints([alone])
    assert (alone.result,) == alone.result.parts


def test_a_recipe_is_one_row_with_its_spread() -> None:
    """Its mean is that of all checkpoints; each of them has its own, and the verdict speaks of the recipe."""
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 0.02, (4, 30))
    recipe = join_checkpoints([checkpoint(seed, list(0.6 + 0.01 * seed + noise[seed])) for seed in (1, 2, 3)])

    board = make_leaderboard("d", "f1", [checkpoint(None, list(0.4 + noise[0]), "base"), recipe], (), {"f1": F1})

    row, base = board.cells
    assert (3, 30) == (len(row.checkpoints), row.estimates["f1"].records)
    means = row.means("f1")
    assert np.mean(means) == pytest.approx(row.estimates["f1"].mean)
    assert np.std(means, ddof=1) == pytest.approx(row.spread["f1"])
    assert all(part.estimates["f1"].low is not None for part in row.checkpoints)
    assert ((), {}, ()) == (base.checkpoints, base.spread, base.means("f1"))
    verdict = board.verdict
    assert verdict.text.startswith("The recipe tuned is the best on d: base is worse. Mean F1 of tuned: 0.62")
    assert f"over 3 seeds, from {min(means):.3f} to {max(means):.3f}." in verdict.text
    assert ("tuned", ("base",), None) == (verdict.best, verdict.worse, verdict.needed_records)
    assert verdict.detectable is not None
    assert "tuned was trained with 3 seeds: the verdict on the recipe holds for other seeds too." in verdict.notes


def test_a_tie_says_what_would_help() -> None:
    """Where the seeds differ most, more seeds; where the records do, more records."""
    rng = np.random.default_rng(0)

    def notes(spread: float, noise: float) -> tuple[str, ...]:
        candidates = [
            join_checkpoints(
                [checkpoint(s, list(0.5 + spread * s + rng.normal(0, noise, 40)), name) for s in (-1, 0, 1)]
            )
            for name in ("a", "b")
        ]
        return make_leaderboard("d", "f1", candidates, (), {"f1": F1}).verdict.notes

    assert any(
        "comes from the training seeds: more seeds show more than more records." in note for note in notes(0.1, 0.01)
    )
    assert any("comes from the records: more records show more than more seeds." in note for note in notes(0.0001, 0.1))


def test_failures_of_a_checkpoint_count_as_the_worst_score() -> None:
    """They are counted over all checkpoints."""
    recipe = join_checkpoints([checkpoint(1, [0.8] * 11 + [float("nan")]), checkpoint(2, [0.8] * 12)])

    (row,) = make_leaderboard("d", "f1", [recipe], (), {"f1": F1}).cells

    assert {"f1": 1} == row.failures
    assert [{"f1": 1}, {}] == [part.failures for part in row.checkpoints]
    assert 0.8 * 23 / 24 == pytest.approx(row.estimates["f1"].mean)
