"""A step under the budget of its run: it starts if enough is left, and what it spends is kept in the record."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from llmops_sdk.errors import EndpointError, RecordError
from llmops_sdk.plugin.metering import Metering
from llmops_sdk.record.costs.budget import budget_of, read_expected
from llmops_sdk.record.costs.spending import read_spending, spent, write_spending
from llmops_sdk.record.run import Run
from llmops_sdk.steps.execution import StepExecution
from llmops_sdk.steps.spending.meter import Meter, how_to_resume, spent_text
from llmops_sdk.values.prices import Price, dollars
from llmops_sdk.values.spending import Spending


@contextmanager
def metered(execution: StepExecution, price: Price | None, *, is_free: bool = False) -> Iterator[Meter]:
    """Yield the meter of a step, and keep in the record what was counted, however the step ends.

    Args:
        execution: The step.
        price: The price of what it uses.
        is_free: Whether nothing is billed: answers are read from a file.

    Raises:
        EndpointError: The budget is spent, or what is left is less than the step is expected to cost.
        RecordError: What the run spent of its budget cannot be read.
    """
    run, step = execution.run, execution.step
    budget = None if is_free else budget_of(run)
    try:
        earlier = read_spending(run, step)
    except RecordError:
        if budget is not None:
            raise
        earlier = None  # nothing depends on it

    def left() -> float | None:
        return None if budget is None else budget - spent(run, without=step).usd - (earlier.usd if earlier else 0.0)

    def save(spending: Spending) -> float | None:
        write_spending(run, step, earlier + spending if earlier else spending)
        return left()

    if budget is not None:
        _check_is_enough(run, step, budget, left() or 0.0, has_started=earlier is not None)
    meter = Meter(price, left(), budget, run.id, is_free, save=save)
    try:
        yield meter
    finally:
        save(meter.total)


@contextmanager
def metered_evaluator(execution: StepExecution, name: str) -> Iterator[Metering]:
    """Yield the meter of an evaluator; of one that asks no model, or one on this machine, it counts nothing.

    Args:
        execution: The step.
        name: The evaluator.

    Raises:
        EndpointError: As `metered`.
        RecordError: As `metered`.
    """
    prices = execution.run.plan.costs.evaluators.get(name)
    if prices is None or (prices.price is None and prices.asking.is_own):
        yield Metering()
        return
    with metered(execution, prices.price) as meter:
        meter.billed_seconds = 0.0  # tokens are billed, not the time of the step
        yield meter


def _check_is_enough(run: Run, step: str, budget: float, left: float, *, has_started: bool) -> None:
    """Refuse to start a step if nothing is left of the budget, or less than the step is expected to cost.

    Raises:
        EndpointError: So it is.
    """
    if left <= 0:
        raise EndpointError(spent_text(run.id, budget))
    expected = read_expected(run)
    own = expected.of(step) if expected else None
    if own and own.usd.low is not None and own.usd.low > left and not has_started:
        message = (
            f"{dollars(left)} are left of the budget of {dollars(budget)}, and step {step!r} is expected to cost at least"
            f" {dollars(own.usd.low)}; {how_to_resume(run.id)}"
        )
        raise EndpointError(message)
