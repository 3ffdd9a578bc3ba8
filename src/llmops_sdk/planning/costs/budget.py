"""The check of a budget before a run: nothing starts that is expected to cost more."""

from __future__ import annotations

from llmops_sdk.errors import SpecError
from llmops_sdk.values.prices import dollar_range, dollars
from llmops_sdk.values.spending import ExpectedCost


def check_budget(budget: float, expected: ExpectedCost) -> None:
    """Refuse a run that is expected to cost more than its budget.

    Args:
        budget: In US dollars.
        expected: What the run is expected to cost.

    Raises:
        SpecError: The least that it costs, or that one step costs, is above the budget.
    """
    for step in expected.steps:
        if step.usd.low is not None and step.usd.low > budget:
            message = (
                f"the budget of {dollars(budget)} is smaller than step {step.step!r} alone, which is expected to cost"
                f" {dollar_range(step.usd.low, step.usd.high)}; raise `budget.usd`, or ask fewer records"
            )
            raise SpecError(message)
    total = expected.usd
    if total.low is not None and total.low > budget:
        message = (
            f"the run is expected to cost {dollar_range(total.low, total.high)}, and the budget is {dollars(budget)}; raise"
            " `budget.usd`, or ask fewer records or models"
        )
        raise SpecError(message)


def budget_risk(budget: float, expected: ExpectedCost) -> str:
    """Return that a run may stop at its budget, in a sentence; empty where it is expected to cost less at most.

    Args:
        budget: In US dollars.
        expected: What the run is expected to cost.
    """
    high = expected.usd.high
    if high is None or high <= budget:
        return ""
    return (
        f"the run may cost up to {dollars(high)}: at its budget of {dollars(budget)} it starts nothing new, and a resume with"
        " a larger one finishes it"
    )
