"""What a cell cost, from its answers, its training and the prices of the plan."""

from __future__ import annotations

import math
from collections.abc import Sequence

import attrs

from llmops_sdk.steps.cell.tally import Tally
from llmops_sdk.values.artifacts import GenerationsValue
from llmops_sdk.values.costs import Amount, CandidateCost
from llmops_sdk.values.models import TrainedModel
from llmops_sdk.values.prices import DAYS_PER_MONTH, SECONDS_PER_HOUR, ModelPrices, Traffic

BILLABLE_SECONDS = "billable_seconds"
"""The metric of a trained model with the time that a service bills."""

_TRAINING_SECONDS = (BILLABLE_SECONDS, "training_seconds", "seconds")


def cell_cost(
    prices: ModelPrices,
    traffic: Traffic | None,
    tally: Tally,
    generated: Sequence[GenerationsValue],
    training: TrainedModel | None,
) -> CandidateCost:
    """Return what a cell cost.

    Args:
        prices: Of its model.
        traffic: What it will be asked, or None.
        tally: Of its answers.
        generated: What is known of the answers of each time that it was asked.
        training: Its training, or None.
    """
    seconds = training_seconds(training) if training else None
    up = [value.endpoint_seconds for value in generated if value.endpoint_seconds]
    endpoint_seconds = math.fsum(up) if up else None
    cost = CandidateCost(
        by=prices.by if prices.by != "nothing" else ("tokens" if tally.costs else ""),
        price=prices.price.text if prices.price else "",
        prompt_tokens=sum(tally.prompt_tokens) if tally.prompt_tokens else None,
        output_tokens=tally.output_tokens,
        priced=len(tally.costs),
        answers_usd=math.fsum(tally.costs) if tally.costs else None,
        answer=mean_amount(tally.costs),
        latency=mean_amount(tally.latencies),
        endpoint_seconds=endpoint_seconds,
        training_seconds=seconds,
        training_usd=prices.training_price.of_seconds(seconds)
        if prices.training_price and seconds is not None
        else None,
    )
    if prices.price is not None and prices.price.hour is not None and not tally.costs:
        return _by_hours(cost, prices.price.hour, traffic, tally, generated)
    return _by_tokens(cost, traffic)


def training_seconds(training: TrainedModel) -> float | None:
    """Return how long a training took: what a service bills, else what the trainer measured; None where neither is known."""
    for name in _TRAINING_SECONDS:
        if training.metrics.get(name):
            return training.metrics[name]
    last = training.curve[-1].seconds if training.curve else 0.0
    return last or None


def mean_amount(values: Sequence[float]) -> Amount | None:
    """Return the mean of some numbers with its 95 % interval (Student's t); None of none."""
    import numpy as np

    from llmops_sdk.verdict.statistics.distributions import t_quantile

    if not len(values):
        return None
    numbers = np.asarray(values, dtype=float)
    mean = float(numbers.mean())
    if numbers.size == 1:
        return Amount(mean, None, None, 1)
    half = t_quantile(0.975, numbers.size - 1) * float(numbers.std(ddof=1)) / math.sqrt(numbers.size)
    return Amount(mean, mean - half, mean + half, int(numbers.size))


def _by_tokens(cost: CandidateCost, traffic: Traffic | None) -> CandidateCost:
    if cost.answer is None:
        return cost
    month = None if traffic is None else cost.answer.mean * traffic.requests_per_day * DAYS_PER_MONTH
    return attrs.evolve(cost, per_1000=1000 * cost.answer.mean, month=month)


def _by_hours(
    cost: CandidateCost,
    hour: float,
    traffic: Traffic | None,
    tally: Tally,
    generated: Sequence[GenerationsValue],
) -> CandidateCost:
    """Return the cost of a target that is billed whether it is asked or not: it depends on the traffic."""
    used = None if cost.endpoint_seconds is None else cost.endpoint_seconds / SECONDS_PER_HOUR * hour
    cost = attrs.evolve(cost, answers_usd=used, priced=tally.answered if used is not None else 0)
    if traffic is None:
        return cost
    asking = math.fsum(value.seconds for value in generated) if cost.endpoint_seconds else 0.0
    answered = sum(value.answered for value in generated)
    per_machine = answered / asking * SECONDS_PER_HOUR * traffic.hours if asking and answered else None
    machines = math.ceil(traffic.requests_per_day / per_machine) if per_machine else None
    machine_month = hour * traffic.hours * DAYS_PER_MONTH
    month = machine_month * (machines or 1)
    per_1000 = 1000 * month / (traffic.requests_per_day * DAYS_PER_MONTH)
    return attrs.evolve(
        cost,
        per_1000=per_1000,
        month=month,
        machine_month=machine_month,
        machines=machines,
        per_machine=per_machine,
    )
