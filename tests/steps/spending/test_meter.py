"""The meter of a step."""

from __future__ import annotations

import pytest

from llmops_sdk.errors import EndpointError
from llmops_sdk.steps.spending.meter import Meter
from llmops_sdk.values.answers import Answer, Answered, Unanswered
from llmops_sdk.values.prices import Price
from llmops_sdk.values.spending import Spending

A_DOLLAR_A_TOKEN = Price("m", input=1e6, output=1e6)


def answered(index: int, cost: float | None = None) -> Answered:
    """An answer of three tokens."""
    return Answered(index, Answer("x", prompt_tokens=2, output_tokens=1, cost=cost))


def test_answers_and_the_time_of_machines_are_counted() -> None:
    """By tokens, by the hour, or with the cost that came with an answer."""
    meter = Meter(A_DOLLAR_A_TOKEN)
    meter.count(answered(0))
    meter.count(answered(1, cost=0.5))
    meter.count(Unanswered(2, "refused"))

    assert (2, 4, 2, 3.5) == (
        meter.total.answers,
        meter.total.prompt_tokens,
        meter.total.output_tokens,
        meter.total.usd,
    )
    assert meter.total.is_complete

    machine = Meter(Price("g", hour=3600.0), billed_seconds=2.0)
    assert (2.0, 2.0) == (machine.total.seconds, machine.total.usd)


def test_what_has_no_price_is_counted_apart() -> None:
    """It is never 0 in a complete sum."""
    meter = Meter(None)
    meter.count(answered(0))

    assert (1, False) == (meter.total.unpriced, meter.total.is_complete)
    free = Meter(None, is_free=True)
    free.count(answered(0))
    assert (0, 0.0, True) == (free.total.answers, free.total.seconds, free.total.is_complete)


def test_questions_are_held_back_at_the_budget() -> None:
    """Those in flight are the last; without a budget none is."""
    meter = Meter(A_DOLLAR_A_TOKEN, left=6.0, budget=6.0, run_id="r-1")
    asked = []
    for index in meter.affordable(iter(range(10))):
        asked.append(index)
        meter.count(answered(index))

    assert [0, 1] == asked
    with pytest.raises(
        EndpointError, match=r"x: the budget of 6.00 USD is spent, .* llmops run --resume r-1 --budget USD; completed"
    ):
        meter.check("x")
    unlimited = Meter(A_DOLLAR_A_TOKEN)
    assert 3 == len(list(unlimited.affordable(iter(range(3)))))
    unlimited.check("x")


def test_what_is_spent_is_saved_while_a_step_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A step that is killed loses little of it, and what other steps spend meanwhile leaves less for this one."""
    saved: list[float] = []

    def save(spending: Spending) -> float:
        saved.append(spending.usd)
        return 4.0

    meter = Meter(A_DOLLAR_A_TOKEN, left=100.0, budget=100.0, save=save)
    questions = meter.affordable(iter(range(3)))
    meter.count(answered(next(questions)))
    assert [] == saved
    monkeypatch.setattr("llmops_sdk.steps.spending.meter.SECONDS_BETWEEN_SAVES", -1.0)
    meter.count(answered(next(questions)))

    assert [6.0] == saved
    assert [] == list(questions)
