"""Planned looks on a leaderboard: who is worse by then, and the words."""

from __future__ import annotations

import attrs
import numpy as np

from llmops_sdk.values.results import CellResult, LookResult
from llmops_sdk.values.scores import Metric
from llmops_sdk.verdict.leaderboard import make_leaderboard
from llmops_sdk.verdict.looks import find_worse, look_results, look_sentences
from llmops_sdk.verdict.statistics.looks import even_looks, look_levels
from llmops_sdk.verdict.statistics.stopping import Looks
from llmops_sdk.verdict.table import CellColumn, Kind, MetricColumn

LOOKS = Looks(1 + np.arange(90) // 30, look_levels(even_looks(3)))
F1 = Metric("f1", bounds=(0.0, 1.0))


def cell(name: str, look: int, repeats: int = 1) -> CellResult:
    """A candidate that stopped at a look, of three at thirty records each."""
    asked = 30 * look
    result = CellResult(f"{name}.p.d", name, name, "p", False, asked, asked, {}, {}, None, None, {})
    return attrs.evolve(result, look=look, not_asked=90 - asked, repeats=repeats)


def column(name: str, mean: float, look: int = 1, failed: int = 0, metric: Metric = F1) -> CellColumn:
    """A candidate with a mean score on the records that it was asked, some of them without a usable answer."""
    asked = LOOKS.records(look)
    numbers = np.clip(np.random.default_rng(len(name)).normal(mean, 0.05, 90), 0, 1)
    kinds = np.where(asked, Kind.SCORED, Kind.NOT_ASKED)
    kinds[:failed] = Kind.FAILED
    numbers = np.where(kinds == Kind.SCORED, numbers, np.nan)
    return CellColumn(cell(name, look), {metric.name: MetricColumn(numbers, kinds)})


def test_one_that_is_worse_at_a_look() -> None:
    """Two that are alike are not."""
    columns = [column("a", 0.8), column("bb", 0.8), column("ccc", 0.2)]

    assert ("ccc",) == find_worse(columns, F1, LOOKS, 1, None)
    assert () == find_worse(columns[:2], F1, LOOKS, 1, None)


def test_nobody_stops_where_nothing_may_be_claimed() -> None:
    """Failures without a worst score; too few records; one whose answers all failed for now."""
    wer = Metric("wer", higher_is_better=False)
    few = Looks(np.where(np.arange(90) < 9, 1, 2), look_levels((0.5, 1.0)))

    assert () == find_worse([column("a", 0.8, metric=wer, failed=1), column("b", 0.2, metric=wer)], wer, LOOKS, 1, None)
    assert () == find_worse([column("a", 0.8), column("bb", 0.2)], F1, few, 1, None)
    assert () == find_worse([column("a", 0.8), column("bb", 0.2, failed=90)], Metric("f1"), LOOKS, 1, None)


def test_looks_in_words() -> None:
    """Where it was decided, who stopped before, and how many questions were not asked."""
    cells = [cell("best", 2), cell("second", 2), cell("third", 1)]

    results = tuple(look_results(LOOKS, cells, "best"))

    assert [(30, ("third",), False), (60, ("second",), True), (90, (), False)] == [
        (look.records, look.worse, look.decided) for look in results
    ]
    assert [
        "third stopped at look 1 of 3, on 30 of 90 records.",
        "This was decided at look 2 of 3, on 60 of 90 records.",
        "120 of 270 questions were not asked.",
    ] == list(look_sentences(results, cells, most=4))


def test_looks_without_a_stop_in_words() -> None:
    """Nothing was saved."""
    cells = [cell("best", 3), cell("second", 3)]

    results = tuple(look_results(LOOKS, cells, "best"))

    assert [False] * 3 == [look.decided for look in results]
    assert ["No candidate was worse at one of the 2 earlier looks: all 90 records were asked."] == list(
        look_sentences(results, cells, most=4)
    )
    assert [] == list(look_sentences((), cells, most=4))


def test_many_that_stopped_are_counted() -> None:
    """The first of them are named; with repeats, each record is several questions."""
    cells = [cell("best", 3, 2), *(cell(f"c{number}", 1, 2) for number in range(4))]
    looks = (LookResult(1, 30, 0.0002, ("c0", "c1", "c2", "c3")), LookResult(2, 60, 0.01), LookResult(3, 90, 0.05))

    assert [
        "c0, c1, 2 others stopped at look 1 of 3, on 30 of 90 records.",
        "480 of 900 questions were not asked.",
    ] == list(look_sentences(looks, cells, most=2))


def test_a_leaderboard_with_looks() -> None:
    """The ones that stopped come last whatever their means; intervals and pairs have the level of their look."""
    columns = [column("ccc", 0.75, look=1), column("a", 0.8, look=3), column("bb", 0.79, look=3)]

    board = make_leaderboard("d", "f1", columns, (), {"f1": F1}, looks=LOOKS)

    assert "ccc" == board.cells[-1].candidate
    assert [90, 90, 30] == [each.estimates["f1"].records for each in board.cells]
    assert [3, 1, 1] == [1 + LOOKS.levels.index(pair.level) for pair in board.pairs]
    assert ("ccc",) == board.looks[0].worse
    assert any("3 planned looks share the 5 %" in note for note in board.verdict.notes)
