"""What fine-tuning broke, in words that claim no more than the scores show."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from llmops_sdk.values.results import CellResult, Leaderboard
from llmops_sdk.values.scores import Metric
from llmops_sdk.verdict.leaderboard import make_leaderboard
from llmops_sdk.verdict.retention import TunedCandidate, conclude_retention, with_retention
from llmops_sdk.verdict.table import CellColumn, Kind, MetricColumn

F1 = Metric("f1", bounds=(0.0, 1.0))
TUNED = TunedCandidate("tuned", "tuned", "base", ("sales",))
BASE = np.random.default_rng(9).uniform(0.3, 0.7, 100)


def noise(seed: int) -> Any:
    """Small differences."""
    return np.random.default_rng(seed).normal(0, 0.05, 100)


def columns_of(values: Mapping[str, Any]) -> list[CellColumn]:
    """Candidates with their scores; NaN is missing."""
    columns = []
    for name, own in values.items():
        numbers = np.array(own, dtype=float)
        result = CellResult(f"{name}.p.d", name, name, "p", name != "base", 100, 100, {}, {}, None, None, {})
        kinds = np.where(np.isnan(numbers), Kind.MISSING, Kind.SCORED)
        columns.append(CellColumn(result, {"f1": MetricColumn(numbers, kinds)}))
    return columns


def retained(values: Mapping[str, Any], *tuned: TunedCandidate, metric: Metric = F1) -> Leaderboard:
    """The leaderboard of the second dataset."""
    columns, metrics = columns_of(values), {"f1": metric}
    board = make_leaderboard("general", "f1", columns, (), metrics)
    return conclude_retention(board, columns, metrics, None, tuned or (TUNED,), 0.05)


def sentence(task: Mapping[str, Any], general: Leaderboard) -> str:
    """What the verdict on the task says of it."""
    board = make_leaderboard("sales", "f1", columns_of(task), (), {"f1": F1})
    stated = with_retention(board, general, (TUNED,)).verdict.text
    return stated.removeprefix(board.verdict.text).strip()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (-0.15, r"worse on general by 0\.1[45]\d, more than the margin of 0\.05\."),
        (0.0, r"no worse on general by more than 0\.05 \(\S+ \[\S+, \S+\]\)\."),
        (-0.05, r"not shown to be no worse on general by 0\.05 \(\N{MINUS SIGN}0\.0\d+ \[\S+, \S+\]\)\."),
    ],
)
def test_gain_and_loss_in_one_sentence(change: float, words: str) -> None:
    """Better on the task; and there worse, no worse, or not decided."""
    general = retained({"base": BASE, "tuned": BASE + change + noise(1)})

    text = sentence({"base": BASE, "tuned": BASE + 0.08 + noise(2)}, general)

    word = "and" if change == 0 else "but"
    assert re.fullmatch(rf"Against its base \(base\), tuned is better on sales by 0\.0[78]\d, {word} {words}", text), (
        text
    )


def test_no_gain_is_claimed_that_the_verdict_does_not_claim() -> None:
    """A tie is called one, and a base without a result on the task is left out of the sentence."""
    general = retained({"base": BASE, "tuned": BASE + noise(1)})

    tie = sentence({"base": BASE, "tuned": BASE + noise(3)}, general)
    alone = sentence({"tuned": BASE}, general)

    assert tie.startswith("Against its base (base), tuned is not told apart from it on sales (")
    assert alone.startswith("Against its base (base), tuned is no worse on general by more than 0.05")


def test_a_metric_of_which_less_is_better() -> None:
    """A higher number is the loss."""
    general = retained({"base": BASE, "tuned": BASE + 0.15 + noise(1)}, metric=Metric("f1", higher_is_better=False))

    (margin,) = general.verdict.margins
    assert (True, False) == (margin.worse, margin.no_worse)
    assert margin.estimate.mean > 0


def test_several_candidates_are_counted() -> None:
    """Each has its sentence; those of one base are one family."""
    names = ("lost", "kept", "gone")
    tuned = [TunedCandidate(name, name, "base", ("sales",)) for name in names]
    values = {"base": BASE, "lost": BASE - 0.2 + noise(1), "kept": BASE + noise(2)}

    verdict = retained(values, *tuned).verdict

    assert (
        "On general, which nothing was tuned for, of 3 tuned candidates 1 is no worse than its base by more than the margin, "
        "1 is worse by more than it and 1 is not decided."
    ) == verdict.headline
    assert "lost is worse than base by more than 0.05: " in verdict.text


def test_a_candidate_that_failed_is_counted() -> None:
    """The other one has its sentence."""
    tuned = [TunedCandidate(name, name, "base", ("sales",)) for name in ("kept", "failed")]

    verdict = retained({"base": BASE, "kept": BASE + noise(2)}, *tuned).verdict

    assert (
        "of 2 tuned candidates 1 is no worse than its base by more than the margin and 1 is not decided."
        in verdict.text
    )
    assert "kept is equivalent to base within 0.05: " in verdict.text


def test_without_a_result_nothing_is_known() -> None:
    """The verdict on the task states it."""
    general = retained({"base": BASE})

    assert "what fine-tuning broke is not known" in general.verdict.text
    text = sentence({"base": BASE, "tuned": BASE + 0.08}, general)
    assert "What tuned lost on general is not known: it or its base (base) has no result there." == text


def test_missing_scores_take_the_claim_back() -> None:
    """A loss is not claimed of a candidate of which many scores are missing."""
    scores = BASE - 0.2 + noise(1)
    scores[:30] = np.nan

    (margin,) = retained({"base": BASE, "tuned": scores}).verdict.margins

    assert (False, False) == (margin.worse, margin.no_worse)
