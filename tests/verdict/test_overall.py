"""The verdict over all datasets, with stated weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import numpy as np
import pytest

from llmops_sdk.values.results import CellResult, FailedCell
from llmops_sdk.values.scores import Metric
from llmops_sdk.verdict.baseline import Baseline
from llmops_sdk.verdict.leaderboard import make_leaderboard
from llmops_sdk.verdict.overall import DatasetScores, make_overall
from llmops_sdk.verdict.table import CellColumn, Kind, MetricColumn

F1 = Metric("f1", bounds=(0.0, 1.0))
WER = Metric("f1", higher_is_better=False)


def scores(
    dataset: str,
    values: Mapping[str, Sequence[float]],
    *,
    without: Kind = Kind.MISSING,
    metric: Metric = F1,
    clusters: Any = None,
    failed: Sequence[str] = (),
) -> DatasetScores:
    """The candidates on a dataset; NaN for a record without a score, for the reason `without`."""
    columns = []
    for name, own in values.items():
        numbers = np.array(own, dtype=float)
        column = MetricColumn(numbers, np.where(np.isnan(numbers), without, Kind.SCORED))
        records = len(numbers)
        result = CellResult(
            f"{name}.{dataset}", name, name, "p", False, records, records, {}, {}, None, None, {"device": "cpu"}
        )
        columns.append(CellColumn(result, {"f1": column}))
    cells = tuple(FailedCell(f"{name}.{dataset}", name, "generate", "it broke") for name in failed)
    board = make_leaderboard(dataset, "f1", columns, cells, {"f1": metric}, clusters)
    return DatasetScores(board, columns, clusters)


def noisy(mean: float, records: int, seed: int) -> list[float]:
    """Scores around a mean."""
    return list(np.random.default_rng(seed).normal(mean, 0.1, records).clip(0, 1).round(3))


def test_means_and_differences_are_weighted() -> None:
    """As computed by hand; the counts of records are not."""
    sales = scores("sales", {"a": [0.9, 0.7] * 5, "b": [0.6] * 10})
    support = scores("support", {"a": [0.5, 0.7] * 10, "b": [0.6, 0.8] * 10})

    overall = make_overall([sales, support], {"sales": 2, "support": 1}, F1)

    assert {"a": pytest.approx((2 * 0.8 + 0.6) / 3), "b": pytest.approx((2 * 0.6 + 0.7) / 3)} == {
        each.candidate: each.estimate.mean for each in overall.means
    }
    (difference,) = overall.differences
    assert ("b", "a", 30) == (difference.candidate, difference.versus, difference.estimate.records)
    assert pytest.approx((-2 * 0.2 + 0.1) / 3) == difference.estimate.mean
    assert (20, 10) == (difference.better, difference.worse)
    assert ("a", {"sales": 2, "support": 1}) == (overall.verdict.best, overall.weights)
    assert overall.verdict.headline.startswith("a ")
    assert "over all datasets" in overall.verdict.headline
    assert "The means over all datasets are weighted: sales 2, support 1." in overall.verdict.notes
    assert (None, None) == (overall.verdict.detectable, overall.verdict.needed_records)


def test_the_interval_of_a_weighted_mean_adds_variances() -> None:
    """Of a metric without bounds, by hand: 0.5 of each mean's variance, and Satterthwaite's degrees of freedom."""
    first, second = [1.0, 2.0, 3.0, 4.0], [10.0, 12.0, 14.0, 16.0]

    overall = make_overall(
        [scores("x", {"a": first}, metric=WER), scores("y", {"a": second}, metric=WER)], {"x": 1, "y": 1}, WER
    )

    variances = [np.var(first, ddof=1) / 4 / 4, np.var(second, ddof=1) / 4 / 4]
    freedom = sum(variances) ** 2 / sum(variance**2 / 3 for variance in variances)
    assert 4.4 == pytest.approx(freedom, abs=0.02)
    (mean,) = (each.estimate for each in overall.means)
    assert mean.low is not None
    assert mean.high is not None
    assert (7.75, 8) == (mean.mean, mean.records)
    assert 2.68 == pytest.approx((mean.high - mean.low) / 2 / sum(variances) ** 0.5, abs=0.03)  # t of 4.4


@pytest.mark.parametrize("grouped", [False, True])
def test_equal_weights_on_two_halves_give_the_verdict_of_the_whole(grouped: bool) -> None:  # noqa: FBT001 - a case
    """The same best, worse and tied candidates, tests and intervals of differences."""
    values = {"a": noisy(0.6, 80, 1), "b": noisy(0.58, 80, 2), "c": noisy(0.4, 80, 3)}
    clusters = np.arange(80) // 2 if grouped else None
    halves = [
        scores(
            name, {key: own[part] for key, own in values.items()}, clusters=None if clusters is None else clusters[part]
        )
        for name, part in (("x", slice(0, 40)), ("y", slice(40, 80)))
    ]

    whole, overall = scores("all", values, clusters=clusters).board, make_overall(halves, {"x": 1, "y": 1}, F1)

    assert ("a", ("b",), ("c",)) == (whole.verdict.best, whole.verdict.tied, whole.verdict.worse)
    assert (whole.verdict.best, whole.verdict.tied, whole.verdict.worse) == (
        overall.verdict.best,
        overall.verdict.tied,
        overall.verdict.worse,
    )
    assert [_plain(pair) for pair in whole.pairs] == [pytest.approx(_plain(pair)) for pair in overall.pairs]
    for cell, mean in zip(whole.cells, overall.means, strict=True):
        assert pytest.approx(cell.estimates["f1"].mean) == mean.estimate.mean
        assert pytest.approx(cell.estimates["f1"].low, abs=0.005) == mean.estimate.low


def _plain(pair: Any) -> list[float]:
    estimate = pair.difference.estimate
    return [pair.p_value, pair.adjusted_p_value, pair.low, pair.high, estimate.mean, estimate.low, estimate.high]


def test_weights_decide() -> None:
    """Where one candidate is better on each dataset, the heavier one counts."""
    datasets = [
        scores("x", {"a": noisy(0.7, 60, 1), "b": noisy(0.4, 60, 2)}),
        scores("y", {"a": noisy(0.4, 60, 3), "b": noisy(0.7, 60, 4)}),
    ]

    first, equal, second = (make_overall(datasets, {"x": x, "y": y}, F1).verdict for x, y in ((9, 1), (1, 1), (1, 9)))

    assert ("a", ("b",)) == (first.best, first.worse)
    assert ("b", ("a",)) == (second.best, second.worse)
    assert () == equal.worse


def test_few_records_on_one_dataset_decide_nothing() -> None:
    """However many the other one has."""
    datasets = [
        scores("x", {"a": noisy(0.9, 100, 1), "b": noisy(0.1, 100, 2)}),
        scores("y", {"a": noisy(0.9, 9, 3), "b": noisy(0.1, 9, 4)}),
    ]

    verdict = make_overall(datasets, {"x": 1, "y": 1}, F1).verdict

    assert ((), ("b",)) == (verdict.worse, verdict.tied)
    assert "9 scored records in common on one of the datasets are too few to decide: it takes at least 10 on each." in (
        verdict.headline
    )


def test_a_candidate_without_a_result_on_one_dataset_takes_no_part() -> None:
    """Which is stated; if no candidate has all results, nothing is decided."""
    first = scores("x", {"a": noisy(0.9, 20, 1), "b": noisy(0.1, 20, 2), "c": noisy(0.5, 20, 5)})
    second = scores("y", {"a": noisy(0.9, 20, 3), "b": noisy(0.1, 20, 4)}, failed=["c"])
    nothing = scores("y", {}, failed=["a", "b", "c"])

    some = make_overall([first, second], {"x": 1, "y": 1}, F1)
    none = make_overall([first, nothing], {"x": 1, "y": 1}, F1)

    assert (("c",), ["a", "b"]) == (some.without, [each.candidate for each in some.means])
    assert "c has no result on every dataset, and no part in this verdict." in some.verdict.caveats
    assert ("", (), ()) == (none.verdict.best, none.means, none.pairs)
    assert "No candidate has a f1 over all datasets: nothing can be decided." == none.verdict.headline


def test_failures_and_missing_scores_count_as_on_one_dataset() -> None:
    """A failure is the worst score; where many are missing by weight, a claim must hold with the worst in their place."""
    good, bad = noisy(0.6, 40, 1), noisy(0.5, 40, 2)
    lacking = [np.nan] * 12 + good[12:]

    def verdict(without: Kind, weights: Mapping[str, float]) -> Any:
        datasets = [
            scores("x", {"a": good, "b": bad}),
            scores("y", {"a": lacking, "b": bad}, without=without),
        ]
        return make_overall(datasets, weights, F1).verdict

    assert ("b",) == verdict(Kind.MISSING, {"x": 99, "y": 1}).worse  # 0.3 % are missing, by weight
    assert () == verdict(Kind.MISSING, {"x": 1, "y": 9}).worse
    failed = verdict(Kind.FAILED, {"x": 1, "y": 9})
    assert "b" == failed.best
    assert "12 of 80 records of a have no usable answer and count as the worst f1." in failed.caveats


def test_a_baseline_holds_over_all_datasets() -> None:
    """The difference is the weighted one."""
    datasets = [
        scores("x", {"a": [0.6, 0.62] * 20, "b": [0.61, 0.61] * 20}),
        scores("y", {"a": [0.5, 0.52] * 20, "b": [0.51, 0.53] * 20}),
    ]

    (result,) = make_overall(datasets, {"x": 3, "y": 1}, F1, Baseline("a", 0.05)).verdict.margins

    assert result.no_worse
    assert pytest.approx(0.0025) == result.estimate.mean


def test_the_order_follows_the_better_end() -> None:
    """Of a metric of which less is better."""
    datasets = [scores(name, {"a": [0.4, 0.5] * 10, "b": [0.1, 0.3] * 10}, metric=WER) for name in ("x", "y")]

    overall = make_overall(datasets, {"x": 1, "y": 1}, WER)

    assert ["b", "a"] == [each.candidate for each in overall.means]
    assert overall.verdict.best == "b"
    assert overall.differences[0].estimate.mean == pytest.approx(0.25)
    assert attrs.asdict(overall)["weights"] == {"x": 1, "y": 1}


def test_what_must_be_known_of_a_datasets_groups_stands_beside_the_verdict_over_all() -> None:
    """The caveat names the dataset; a dataset without one adds nothing."""
    sales = scores("sales", {"a": noisy(0.6, 40, 1), "b": noisy(0.5, 40, 2)}, clusters=np.arange(40) // 5)
    support = scores("support", {"a": noisy(0.6, 40, 3), "b": noisy(0.5, 40, 4)})
    sales = attrs.evolve(sales, caveat="The 40 test records are only 8 groups by page, and so few groups show little.")

    verdict = make_overall([sales, support], {"sales": 1, "support": 1}, F1).verdict

    expected = "On sales: the 40 test records are only 8 groups by page, and so few groups show little."
    assert (expected,) == verdict.caveats
    assert verdict.text.endswith(expected)
