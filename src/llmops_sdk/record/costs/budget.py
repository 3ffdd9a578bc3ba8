"""The budget of a run, and what it was expected to cost, as its record has them."""

from __future__ import annotations

import json

from llmops_sdk.record.layout import BUDGET, EXPECTED_COST
from llmops_sdk.record.run import Run
from llmops_sdk.values.prices import Budget
from llmops_sdk.values.serial import canonical, from_json, to_json
from llmops_sdk.values.spending import ExpectedCost


def read_expected(run: Run) -> ExpectedCost | None:
    """Return what a run was expected to cost before it started; None where that was not asked."""
    data = run.read(EXPECTED_COST)
    expected: ExpectedCost | None = None if data is None else from_json(json.loads(data), ExpectedCost)
    return expected


def write_expected(run: Run, expected: ExpectedCost) -> None:
    """Keep what a run is expected to cost."""
    run.put(EXPECTED_COST, canonical(to_json(expected)))


def budget_of(run: Run) -> float | None:
    """Return the most that a run may cost, in US dollars: that of its plan, or of a later resume; None without one."""
    data = run.read(BUDGET)
    budget: Budget | None = run.plan.costs.budget if data is None else from_json(json.loads(data), Budget)
    return None if budget is None else budget.usd


def write_budget(run: Run, usd: float) -> None:
    """Give a run another budget than its plan has."""
    run.put(BUDGET, canonical(to_json(Budget(usd))))
