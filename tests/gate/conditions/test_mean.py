"""The mean of a metric on the right side of a limit: the end of its interval decides."""

from __future__ import annotations

import attrs
import numpy as np
import pytest

from llmops_sdk.gate.conditions.mean import MeanAtLeast, MeanAtMost
from llmops_sdk.gate.outcome import Outcome
from llmops_sdk.values.scores import Metric
from llmops_sdk.verdict.statistics.intervals import mean_interval
from llmops_sdk.verdict.table import Kind

from ..cases import EXACT, ROUGE, case_of, with_failures

RNG = np.random.default_rng(6)
SCORES = RNG.uniform(0.3, 0.7, 100)
WER = Metric("wer", "WER", higher_is_better=False, bounds=(0.0, 1.0))


def test_the_lower_end_decides_not_the_mean() -> None:
    """The mean is 0.5; a limit just below it is not shown to hold."""
    case = case_of({"new": SCORES})
    mean = float(SCORES.mean())

    go, undecided, no_go = (MeanAtLeast("rougeL", mean + shift).check(case) for shift in (-0.05, -0.005, 0.05))

    assert [Outcome.GO, Outcome.INCONCLUSIVE, Outcome.NO_GO] == [each.outcome for each in (go, undecided, no_go)]
    assert mean == go.measured
    interval = mean_interval(SCORES, np.arange(100), (0.0, 1.0), 0.9)
    assert (interval.low, interval.high) == (go.low, go.high)
    assert go.text.startswith(f"at least {mean - 0.05:g}: ")
    assert no_go.text.startswith(f"not at least {mean + 0.05:g}: ")
    assert undecided.needed_records is not None
    assert undecided.needed_records > 100


def test_at_most_is_the_other_side() -> None:
    """Of a metric of which less is better."""
    case = case_of({"new": SCORES}, WER)
    mean = float(SCORES.mean())

    go, undecided, no_go = (MeanAtMost("wer", mean + shift).check(case) for shift in (0.05, 0.005, -0.05))

    assert [Outcome.GO, Outcome.INCONCLUSIVE, Outcome.NO_GO] == [each.outcome for each in (go, undecided, no_go)]


def test_all_right_is_no_proof_of_perfection() -> None:
    """60 of 60: as many more as Wilson's interval takes."""
    undecided = MeanAtLeast("exact", 0.97).check(case_of({"new": np.ones(60)}, EXACT))

    assert (Outcome.INCONCLUSIVE, 1.0) == (undecided.outcome, undecided.measured)
    needed = undecided.needed_records
    assert needed is not None
    assert Outcome.GO is MeanAtLeast("exact", 0.97).check(case_of({"new": np.ones(needed)}, EXACT)).outcome
    assert Outcome.GO is not MeanAtLeast("exact", 0.97).check(case_of({"new": np.ones(needed - 2)}, EXACT)).outcome


def test_few_records_and_metrics_without_bounds() -> None:
    """Nothing is claimed; equal values without bounds have no interval at all."""
    few = MeanAtLeast("rougeL", 0.3).check(case_of({"new": SCORES[:9] + 0.2}))
    unbounded = attrs.evolve(ROUGE, bounds=None)
    equal = MeanAtLeast("rougeL", 0.3).check(case_of({"new": np.full(50, 0.5)}, unbounded))
    none = MeanAtLeast("rougeL", 0.3).check(case_of({"new": [np.nan] * 20, "old": SCORES[:20]}))

    assert {Outcome.INCONCLUSIVE} == {each.outcome for each in (few, equal, none)}
    assert "there are too few records; about 10 records would decide it" in few.text
    assert "(too few records for bounds)" in equal.text
    assert none.text == "not decided whether it is at least 0.3: no record has a score"


def test_own_failures_count_and_missing_scores_do_not_help() -> None:
    """Failures are the worst score. Of 12 % missing, a GO must hold with the worst ones, a NO-GO with the best ones."""
    case = case_of({"new": SCORES})
    assert Outcome.NO_GO is MeanAtLeast("rougeL", 0.46).check(with_failures(case, 30)).outcome
    scores = SCORES.copy()
    scores[:12] = np.nan
    missing = case_of({"new": scores})

    assert [Outcome.GO, Outcome.INCONCLUSIVE, Outcome.INCONCLUSIVE, Outcome.NO_GO] == [
        MeanAtLeast("rougeL", limit).check(missing).outcome for limit in (0.40, 0.45, 0.55, 0.65)
    ]
    undefined = case_of({"new": scores}, without=Kind.UNDEFINED)
    assert Outcome.GO is MeanAtLeast("rougeL", 0.45).check(undefined).outcome
    unbounded = attrs.evolve(ROUGE, bounds=None)
    assert Outcome.INCONCLUSIVE is MeanAtLeast("rougeL", 0.1).check(case_of({"new": scores}, unbounded)).outcome
    failed = MeanAtLeast("rougeL", 0.1).check(with_failures(case_of({"new": SCORES}, unbounded), 1, unbounded))
    assert "records without a usable answer have no worst score to count as" in failed.text


def test_the_mean_is_the_one_of_the_verdict() -> None:
    """A record that a rival has no value of is left out, as on the leaderboard."""
    other = SCORES.copy()
    other[:10] = np.nan

    found = MeanAtLeast("rougeL", 0.3).check(case_of({"new": SCORES, "old": other}, without=Kind.UNDEFINED))

    assert 90 == found.records
    assert found.measured == pytest.approx(SCORES[10:].mean())


def test_clusters_and_rivals_widen_the_bounds() -> None:
    """Each in its own way."""
    plain = MeanAtLeast("rougeL", 0.3).check(case_of({"new": SCORES}))
    grouped = MeanAtLeast("rougeL", 0.3).check(case_of({"new": np.sort(SCORES)}, clusters=np.arange(100) // 10))
    chosen = MeanAtLeast("rougeL", 0.3).check(case_of({"new": SCORES, "b": SCORES}, rivals=("new", "b")))

    assert plain.low is not None
    for other in (grouped, chosen):
        assert other.low is not None
        assert other.low < plain.low
