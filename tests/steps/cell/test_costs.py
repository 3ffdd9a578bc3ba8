"""What a cell cost."""

from __future__ import annotations

from array import array

import pytest

from llmops_sdk.plugin import BaseModel, TrainedModel, TrainingPoint
from llmops_sdk.steps.cell.costs import cell_cost, mean_amount, training_seconds
from llmops_sdk.steps.cell.tally import Tally
from llmops_sdk.values.answers import Answer, Answered
from llmops_sdk.values.artifacts import GenerationsValue
from llmops_sdk.values.prices import Billing, ModelPrices, Price, Traffic

TOKENS = ModelPrices(Billing("tokens", "m"), Price("m", input=1.0, output=2.0))
HOURS = ModelPrices(Billing("hours", "g"), Price("g", hour=2.0))


def generated(answers: int, seconds: float, up: float | None) -> GenerationsValue:
    """What is known of some answers."""
    return GenerationsValue(answers, answers, 0, "", 4, seconds, None, {}, endpoint_seconds=up)


def tally(price: Price | None, answers: int = 4) -> Tally:
    """Answers of 1,500 tokens."""
    counted = Tally(price=price)
    for index in range(answers):
        counted.count(Answered(index, Answer("x", prompt_tokens=1000, output_tokens=500 + index % 2, latency=1.0)))
    return counted


def trained(**changes: object) -> TrainedModel:
    """A trained model."""
    return TrainedModel("f", "u", BaseModel("f", "s"), **changes)  # type: ignore[arg-type]


def test_by_tokens() -> None:
    """1,000 answers cost 1,000 times the mean; a month what the traffic asks."""
    cost = cell_cost(TOKENS, Traffic(5000), tally(TOKENS.price), [generated(4, 2.0, 10.0)], None)

    assert pytest.approx(2.001) == cost.per_1000
    assert pytest.approx(2.001 * 150) == cost.month
    assert (4000, 2002, 4, "tokens") == (cost.prompt_tokens, cost.output_tokens, cost.priced, cost.by)
    assert pytest.approx(0.008004) == cost.answers_usd
    assert cost.answer is not None
    assert cost.answer.low is not None
    assert cost.machine_month is None


def test_by_the_hour() -> None:
    """A month costs its hours, times the machines that the traffic takes; without traffic nothing is known of it."""
    cost = cell_cost(HOURS, Traffic(30_000, hours=8), tally(HOURS.price), [generated(4, 4.0, 3600.0)], None)

    assert 28_800 == cost.per_machine  # an answer a second
    assert 2 == cost.machines
    assert 2.0 * 8 * 30 == cost.machine_month
    assert 2 * 480.0 == cost.month
    assert pytest.approx(1000 * 960 / 900_000) == cost.per_1000
    assert 2.0 == cost.answers_usd
    assert cell_cost(HOURS, None, tally(HOURS.price), [generated(4, 4.0, 3600.0)], None).per_1000 is None


def test_what_is_not_known_is_none() -> None:
    """Not 0: without a price, without tokens, or without a deployment."""
    unknown = cell_cost(
        ModelPrices(), Traffic(5000), tally(None), [generated(4, 2.0, None)], trained(metrics={"seconds": 60.0})
    )

    assert (None, None, None, None) == (unknown.per_1000, unknown.month, unknown.answers_usd, unknown.training_usd)
    assert 60.0 == unknown.training_seconds
    recorded = cell_cost(HOURS, Traffic(5000), tally(HOURS.price), [generated(4, 2.0, None)], None)
    assert recorded.machines is None
    assert recorded.month == recorded.machine_month == 2.0 * 24 * 30


def test_the_time_of_a_training() -> None:
    """What a service bills comes first, then what was measured, then the end of the curve."""
    assert 50.0 == training_seconds(trained(metrics={"billable_seconds": 50.0, "training_seconds": 60.0}))
    assert 60.0 == training_seconds(trained(metrics={"training_seconds": 60.0}))
    assert 7.0 == training_seconds(trained(curve=(TrainingPoint(1, 1, 7.0, 1.0),)))
    assert training_seconds(trained()) is None


def test_means_have_students_interval() -> None:
    """For 1, 2 and 3 it is 2 and 2.48 to both sides; a single number has none."""
    amount = mean_amount(array("d", [1.0, 2.0, 3.0]))

    assert amount is not None
    assert (2.0, 3) == (amount.mean, amount.answers)
    assert pytest.approx((2 - 2.484, 2 + 2.484), abs=1e-3) == (amount.low, amount.high)
    assert mean_amount([]) is None
    assert (None, 1) == (getattr(mean_amount([1.0]), "low", 0), getattr(mean_amount([1.0]), "answers", 0))
