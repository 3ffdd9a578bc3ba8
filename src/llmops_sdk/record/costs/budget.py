"""The budget of a run, and what it was expected to cost, as its record has them."""

from __future__ import annotations

from llmops_sdk.record.files import read_value, sealed
from llmops_sdk.record.layout import BUDGET, EXPECTED_COST, RunLayout
from llmops_sdk.record.run import Run
from llmops_sdk.values.prices import Budget
from llmops_sdk.values.serial import to_json
from llmops_sdk.values.spending import ExpectedCost


def read_expected(run: Run) -> ExpectedCost | None:
    """Return what a run was expected to cost before it started; None where that was not asked.

    Raises:
        RecordError: The file is damaged.
    """
    expected: ExpectedCost | None = read_value(run.store, RunLayout(run.id).file(EXPECTED_COST), ExpectedCost)
    return expected


def write_expected(run: Run, expected: ExpectedCost) -> None:
    """Keep what a run is expected to cost."""
    run.put(EXPECTED_COST, sealed(to_json(expected)))


def budget_of(run: Run) -> float | None:
    """Return the most that a run may cost, in US dollars: that of its plan, or of a later resume; None without one.

    Raises:
        RecordError: The file is damaged.
    """
    budget: Budget | None = read_value(run.store, RunLayout(run.id).file(BUDGET), Budget) or run.plan.costs.budget
    return None if budget is None else budget.usd


def write_budget(run: Run, usd: float) -> None:
    """Give a run another budget than its plan has."""
    run.put(BUDGET, sealed(to_json(Budget(usd))))
