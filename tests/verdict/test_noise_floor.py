"""A candidate that was asked twice is compared with itself, in figures and in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from llmops_sdk.values.results import CellResult, NoiseFloor
from llmops_sdk.values.scores import Metric
from llmops_sdk.verdict.noise_floor import AskedTwice, compare_with_itself
from llmops_sdk.verdict.table import CellColumn, Kind, MetricColumn

if TYPE_CHECKING:
    from numpy.typing import NDArray

F1 = Metric("f1", "F1", bounds=(0.0, 1.0))
WER = Metric("wer", "WER", higher_is_better=False)


def noise_floor(first: NDArray[Any], second: NDArray[Any], metric: Metric = F1) -> NoiseFloor:
    """Compare two times with each other; NaN is missing."""
    columns = [MetricColumn(own, np.where(np.isnan(own), Kind.MISSING, Kind.SCORED)) for own in (first, second)]
    result = CellResult("base.p.d", "base", "base", "p", False, first.size, first.size, {}, {}, None, None, {})
    return compare_with_itself(
        AskedTwice(CellColumn(result, {metric.name: columns[0]}), {metric.name: columns[1]}), metric
    )


@pytest.mark.parametrize("metric", [F1, WER])
def test_the_difference_is_that_of_the_second_time(metric: Metric) -> None:
    """In the metric's own direction, with its interval and the records on which it is better."""
    first = np.random.default_rng(0).random(40) / 2
    second = first + np.random.default_rng(1).normal(0, 0.02, 40)

    floor = noise_floor(first, second, metric)

    assert floor.difference is not None
    gap = floor.difference
    assert ("base", "base", metric.name, 40) == (gap.candidate, gap.versus, gap.metric, gap.estimate.records)
    assert float((second - first).mean()) == pytest.approx(gap.estimate.mean)
    assert gap.estimate.low is not None
    assert gap.estimate.high is not None
    assert gap.estimate.low < gap.estimate.mean < gap.estimate.high
    higher = int((second > first).sum())
    assert (gap.better, gap.worse) == ((higher, 40 - higher) if metric is F1 else (40 - higher, higher))
    assert floor.text.startswith("base, asked twice, differs from itself by ")
    assert f"better the second time on {gap.better}, worse on {gap.worse}, the same on 0 of 40 records." in floor.text


def test_no_difference() -> None:
    """Greedy answers of one server."""
    numbers = np.random.default_rng(0).random(20)

    assert "base, asked twice, has the same F1 both times on all 20 records." == noise_floor(numbers, numbers).text


def test_a_difference_that_is_no_chance() -> None:
    """The endpoint changed between the two times, for example."""
    numbers = np.random.default_rng(0).random(20) / 2

    text = noise_floor(numbers, numbers + 0.1 + numbers / 10).text

    assert "the endpoint or the evaluator may not have been the same both times" in text


def test_nothing_to_compare() -> None:
    """No record has a score both times."""
    first, second = np.array([0.1, np.nan]), np.array([np.nan, 0.1])

    floor = noise_floor(first, second)

    assert NoiseFloor(None, "base was asked twice, but no record has a F1 both times.") == floor
    assert floor == noise_floor(first, np.full(2, np.nan))


def test_few_records_have_no_interval() -> None:
    """Nor is one made up."""
    floor = noise_floor(np.array([0.1, 0.2, 0.3]), np.array([0.2, 0.1, 0.4]))

    assert floor.difference is not None
    assert (None, None) == (floor.difference.estimate.low, floor.difference.estimate.high)
    assert "by +0.033 in F1" in floor.text
