"""The metrics that all candidates have, and the one that decides."""

from __future__ import annotations

from typing import Any

import pytest

from llmops_sdk import DataError, SpecError
from llmops_sdk.pipeline.imports.entries import Entry, arrange
from llmops_sdk.pipeline.imports.metrics import Chosen, choose_metrics
from llmops_sdk.plugin import Metric

from .sources import entry


def _choose(
    *candidates: dict[str, list[float]],
    declared: dict[int, list[Metric]] | None = None,
    named: str = "",
    by_user: dict[str, Metric] | None = None,
) -> Chosen:
    entries = [entry(f"c{number}", source=number, number=number, scores=own) for number, own in enumerate(candidates)]
    metrics: dict[int, list[Metric]] = {each.number: [Metric(name) for name in each.spreads] for each in entries}
    return choose_metrics(arrange(entries), {**metrics, **(declared or {})}, named, by_user or {})


def test_metrics_that_all_have_are_compared() -> None:
    """The first one decides unless another is named; what only one has is named as left out."""
    own: list[dict[str, list[float]]] = [{"f1": [0.5], "em": [1], "own": [3]}, {"em": [0], "f1": [0.2]}]

    chosen = _choose(*own)

    assert ["f1", "em"] == [metric.name for metric in chosen.metrics]
    assert "metric 'own' is left out: only 'c0' has it" in chosen.notes
    assert any("'f1' decides, the first metric that all have" in note for note in chosen.notes)
    assert ["em", "f1"] == [metric.name for metric in _choose(*own, named="em").metrics]


def test_bounds_are_those_that_a_source_knows() -> None:
    """Marks lie between 0 and 1; bounds that the scores do not keep to are dropped, with a note."""
    assert (0.0, 1.0) == _choose({"m": [0, 1]}, {"m": [1, 1]}).metrics[0].bounds
    assert None is _choose({"m": [0, 1]}, {"m": [0.5]}).metrics[0].bounds
    known = {0: [Metric("m", "M", bounds=(0.0, 100.0))]}
    assert Metric("m", "M", bounds=(0.0, 100.0)) == _choose({"m": [7.0]}, {"m": [80.0]}, declared=known).metrics[0]
    too_large = _choose({"m": [7.0]}, {"m": [101.0]}, declared=known)
    assert None is too_large.metrics[0].bounds
    assert "but its scores lie between 7 and 101: it counts as a metric without bounds" in too_large.notes[0]
    with pytest.raises(SpecError, match=r"the bounds of 'm' are 0 and 1, but its scores lie between 7 and 80"):
        _choose({"m": [7.0]}, {"m": [80.0]}, by_user={"m": Metric("m", bounds=(0.0, 1.0))})


def test_the_direction_is_known_or_asked_for() -> None:
    """A contradiction is refused; what the user says counts most."""
    unknown, lower = Metric("m", higher_is_better=None), Metric("m", higher_is_better=False)
    scores: list[dict[str, list[float]]] = [{"m": [7.0]}, {"m": [8.0]}]

    assert False is _choose(*scores, declared={0: [unknown], 1: [lower]}).metrics[0].higher_is_better
    with pytest.raises(SpecError, match=r"more 'm' is better in file0.csv and worse in file1.csv; say which"):
        _choose(*scores, declared={1: [lower]})
    assert False is _choose(*scores, declared={1: [lower]}, by_user={"m": lower}).metrics[0].higher_is_better
    for named in ("", "m"):
        with pytest.raises(SpecError, match=r"--higher-is-better m or --lower-is-better m"):
            _choose(*scores, declared={0: [unknown], 1: [unknown]}, named=named)


@pytest.mark.parametrize(
    ("named", "given", "error", "message"),
    [
        ("", {}, DataError, r"no metric is in all sources: 'c0' \(file0.csv\) has 'a'; 'c1' \(file1.csv\) has 'b'"),
        ("a", {}, DataError, r"not all candidates have the metric 'a': 'c1' \(file1.csv\) has 'b'"),
        ("f", {}, SpecError, "no source has the metric 'f'"),
        ("", {"z": Metric("z")}, SpecError, "no source has the metric 'z'"),
    ],
)
def test_no_common_metric(named: str, given: dict[str, Metric], error: type[Exception], message: str) -> None:
    """The error has what each candidate has."""
    with pytest.raises(error, match=message):
        _choose({"a": [1.0]}, {"b": [1.0]}, named=named, by_user=given)


def test_datasets_without_the_deciding_metric_are_left_out() -> None:
    """And named."""
    scores: dict[str, Any] = {"scores": {"m": [1.0]}}
    entries: list[Entry] = [
        entry(name, dataset, source=source, number=2 * source + place, **(scores if dataset == "one" else {}))
        for source, name in enumerate("ab")
        for place, dataset in enumerate(("one", "two"))
    ]

    chosen = choose_metrics(arrange(entries), {each.number: [Metric("m")] for each in entries}, "", {})

    assert ["one"] == list(chosen.boards.entries)
    assert "dataset 'two' is left out: not all candidates have 'm' there" in chosen.notes
