"""Cost in the verdict."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import attrs
import numpy as np
import pytest

from llmops_sdk.values.costs import Amount, CandidateCost
from llmops_sdk.values.estimates import PairTest
from llmops_sdk.values.prices import Traffic
from llmops_sdk.values.results import CellResult, Leaderboard
from llmops_sdk.values.scores import Metric
from llmops_sdk.verdict.costs import cost_notes, join_costs, with_costs
from llmops_sdk.verdict.leaderboard import make_leaderboard
from llmops_sdk.verdict.table import CellColumn, Kind, MetricColumn

F1 = Metric("f1", "F1", bounds=(0.0, 1.0))


def cell(name: str, cost: CandidateCost | None, *, fine_tuned: bool = False, records: int = 60) -> CellResult:
    """A candidate with a cost."""
    return CellResult(f"{name}.p.d", name, name, "p", fine_tuned, records, records, {}, {}, None, None, {}, cost=cost)


def board_of(
    means: Mapping[str, float], costs: Mapping[str, CandidateCost], metric: Metric = F1, **changes: Any
) -> Leaderboard:
    """A leaderboard of candidates whose scores are that share of ones."""
    columns = []
    for place, (name, mean) in enumerate(means.items()):
        numbers = (np.random.default_rng(place).permutation(60) < round(60 * mean)).astype(float)[None, None, :]
        kinds = np.full(numbers.shape, Kind.SCORED, dtype=np.int8)
        columns.append(
            CellColumn(attrs.evolve(cell(name, costs.get(name)), **changes), {"f1": MetricColumn(numbers, kinds)})
        )
    return make_leaderboard("d", "f1", columns, (), {"f1": metric})


def by_tokens(per_answer: float, latency: float, **changes: Any) -> CandidateCost:
    """A candidate that is billed by tokens, with narrow intervals."""
    answer = Amount(per_answer, 0.95 * per_answer, 1.05 * per_answer, 60)
    seconds = Amount(latency, 0.95 * latency, 1.05 * latency, 60)
    return CandidateCost("tokens", answer=answer, latency=seconds, per_1000=1000 * per_answer, month=1.0, **changes)


def by_hours(machine_month: float, per_machine: float | None) -> CandidateCost:
    """A candidate that is billed by the hour."""
    return CandidateCost(
        "hours", per_1000=1.0, month=machine_month, machine_month=machine_month, per_machine=per_machine, machines=1
    )


def test_a_gain_has_its_training_beside_it() -> None:
    """Time and price, where they are known."""
    costs = {"tuned": CandidateCost(training_seconds=600.0, training_usd=0.31)}
    board = with_costs(board_of({"tuned": 0.9, "base": 0.4}, costs), {"tuned": "base"}, None)

    assert "tuned: +0.500 over base for 10 minutes of training, 0.31 USD." in board.verdict.text
    assert board.verdict.text.startswith(board.verdict.headline)


def test_a_training_without_a_shown_gain_and_one_that_harms() -> None:
    """The number stands there, and what it shows."""
    costs = {"tuned": CandidateCost(training_seconds=600.0)}
    same = with_costs(board_of({"tuned": 0.52, "base": 0.5}, costs), {"tuned": "base"}, None)
    worse = with_costs(board_of({"tuned": 0.2, "base": 0.9}, costs), {"tuned": "base"}, None)

    assert (
        "tuned: 10 minutes of training, without a difference from base that these records show (+0.017)."
        in same.verdict.text
    )
    assert "tuned: \N{MINUS SIGN}0.700 over base for 10 minutes of training. It is worse for it." in worse.verdict.text


def test_dominated_is_marked_only_where_every_difference_is_settled() -> None:
    """A difference in quality, price or latency that is not settled leaves it open; so does a price that is not known."""
    good = by_tokens(0.001, 0.5)
    cases = {
        "dominated": ({"a": 0.9, "b": 0.4}, by_tokens(0.002, 1.0), ("a",)),
        "not better": ({"a": 0.52, "b": 0.5}, by_tokens(0.002, 1.0), ()),
        "price not settled": ({"a": 0.9, "b": 0.4}, by_tokens(0.00105, 1.0), ()),
        "latency not settled": ({"a": 0.9, "b": 0.4}, by_tokens(0.002, 0.51), ()),
        "price not known": ({"a": 0.9, "b": 0.4}, CandidateCost(latency=Amount(1.0, 0.9, 1.1, 60)), ()),
    }
    for name, (means, cost, expected) in cases.items():
        board = with_costs(board_of(means, {"a": good, "b": cost}), {}, None)

        marked = {each.candidate: each.cost.dominated_by for each in board.cells if each.cost}
        assert {"a": (), "b": expected} == marked, name
    lower = Metric("f1", "F1", higher_is_better=False, bounds=(0.0, 1.0))
    board = with_costs(
        board_of({"a": 0.1, "b": 0.9}, {"a": good, "b": by_tokens(0.002, 1.0)}, lower), {}, None, lower_is_better=True
    )
    assert "b is dominated by a: better, cheaper and faster, and each difference is settled." in board.verdict.notes


@pytest.mark.parametrize(
    ("per_machine", "sentence"),
    [
        (
            100_000.0,
            "api (by tokens) costs less than own (by the hour) below about 10,000 requests a day, and more above.",
        ),
        (
            5_000.0,
            "api (by tokens) costs less than own (by the hour) at any traffic: the hours pay from about 10,000 requests a day,",
        ),
        (None, "and more above, if its machine can answer as many, which was not measured."),
    ],
)
def test_where_two_prices_cross(per_machine: float | None, sentence: str) -> None:
    """A day of the machine costs 10 dollars, an answer a tenth of a cent."""
    cells = [cell("api", by_tokens(0.001, 1.0)), cell("own", by_hours(300.0, per_machine))]

    assert sentence in " ".join(cost_notes(cells, Traffic(5000)))
    assert [] == list(cost_notes(cells, None))


def test_an_unknown_cost_is_named_where_traffic_is_stated() -> None:
    """It is no 0."""
    notes = list(cost_notes([cell("a", CandidateCost()), cell("b", None)], Traffic(5000)))

    assert [
        f"What {name} costs at 5,000 requests a day is unknown: its price or its tokens are." for name in "ab"
    ] == notes


def test_the_checkpoints_of_a_recipe_are_added() -> None:
    """What was paid is a sum; a part that is not known makes it unknown."""
    joined = join_costs(
        [
            CandidateCost(training_seconds=60.0, training_usd=1.0, priced=5),
            CandidateCost(training_seconds=30.0, priced=5),
        ]
    )

    assert joined is not None
    assert (90.0, None, 10) == (joined.training_seconds, joined.training_usd, joined.priced)
    assert join_costs([CandidateCost(), None]) is None


def test_pairs_are_read_once_however_many_candidates_there_are() -> None:
    """With a look through all pairs for each two candidates, 300 of them took minutes."""
    read: list[str] = []

    class Pairs(tuple[PairTest, ...]):
        __slots__ = ()

        def __iter__(self) -> Iterator[PairTest]:
            read.append("all")
            return super().__iter__()

    names = [f"c{number}" for number in range(6)]
    board = board_of(
        {name: 0.9 - 0.1 * place for place, name in enumerate(names)}, {n: by_tokens(1.0, 1.0) for n in names}
    )
    with_costs(attrs.evolve(board, pairs=Pairs(board.pairs)), {}, None)

    assert ["all"] == read
