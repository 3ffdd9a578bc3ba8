"""`traffic` and `budget` in a specification."""

from __future__ import annotations

from typing import Any

import pytest

from llmops_sdk.errors import SpecError
from llmops_sdk.planning.specification.costs import budget_from, traffic_from
from llmops_sdk.values.prices import Budget, Traffic


def test_hours_are_the_whole_day_by_default() -> None:
    """A machine that is up by day only is stated."""
    assert Traffic(5000.0) == traffic_from({"requests_per_day": 5000}, "traffic")
    assert Traffic(10.0, 8.0) == traffic_from({"requests_per_day": 10, "hours": 8}, "traffic")
    assert Budget(20.0) == budget_from({"usd": 20}, "budget")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"usd": -5}, "budget.usd is a number above 0, not -5"),
        ({"usd": 0}, "budget.usd is a number above 0, not 0"),
        ({"usd": "20"}, "budget.usd is a number above 0, not '20'"),
        ({"usd": True}, "budget.usd is a number above 0, not True"),
        ({"eur": 20}, "budget has an unknown key 'eur'; amounts are in USD: convert it"),
        ({}, "budget lacks usd; write `budget: {usd: 20}`"),
        (20, "budget is a mapping such as {usd: 20}, not 20"),
    ],
)
def test_what_is_no_budget_is_named(data: Any, message: str) -> None:
    """In one line."""
    with pytest.raises(SpecError) as error:
        budget_from(data, "budget")

    assert message == str(error.value)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"requests_per_day": -1}, "traffic.requests_per_day is a number above 0, not -1"),
        ({"requests_per_day": 1, "hours": 25}, "traffic.hours are those of a day, at most 24, not 25"),
        ({"requests": 1}, "traffic has an unknown key 'requests'"),
        ({"hours": 1}, "traffic lacks requests_per_day"),
    ],
)
def test_what_is_no_traffic_is_named(data: Any, message: str) -> None:
    """In one line."""
    with pytest.raises(SpecError) as error:
        traffic_from(data, "traffic")

    assert str(error.value).startswith(message)
