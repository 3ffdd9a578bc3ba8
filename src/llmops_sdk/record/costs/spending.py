"""What a run and its steps spent, as its record has it."""

from __future__ import annotations

from llmops_sdk.errors import RecordError
from llmops_sdk.record.costs.budget import budget_of, read_expected
from llmops_sdk.record.files import read_value, sealed
from llmops_sdk.record.layout import RunLayout, spending_file
from llmops_sdk.record.run import Run
from llmops_sdk.values.plan import GenerateStep, ScoreStep, TrainStep
from llmops_sdk.values.prices import dollar_range, dollars
from llmops_sdk.values.serial import to_json
from llmops_sdk.values.spending import Spending


def read_spending(run: Run, step: str) -> Spending | None:
    """Return what a step of a run spent so far; None of one that spent nothing.

    Raises:
        RecordError: The file is damaged.
    """
    name = spending_file(step)
    try:
        spending: Spending | None = read_value(run.store, RunLayout(run.id).file(name), Spending)
    except RecordError as exc:
        message = f"{exc}; remove the file to count step {step!r} from zero"
        raise RecordError(message) from exc
    return spending


def write_spending(run: Run, step: str, spending: Spending) -> None:
    """Keep what a step spent so far, over all attempts. A step runs in one process at a time."""
    run.put(spending_file(step), sealed(to_json(spending)))


def spent(run: Run, *, without: str = "") -> Spending:
    """Return what a run spent so far.

    Args:
        run: The run.
        without: A step that is left out.

    Raises:
        RecordError: A file is damaged.
    """
    total = Spending()
    for step in run.plan.steps:
        if isinstance(step, (TrainStep, GenerateStep, ScoreStep)) and step.name != without:
            total += read_spending(run, step.name) or Spending()
    return total


def spending_line(run: Run) -> str:
    """Return what a run was expected to cost and what it spent; empty where it was not asked what it costs."""
    try:
        expected, budget = read_expected(run), budget_of(run)
        if expected is None and budget is None:
            return ""
        total = spent(run)
    except RecordError as exc:
        return f"unknown: {exc}"
    parts = [f"expected {dollar_range(expected.usd.low, expected.usd.high)}"] if expected else []
    parts.append(f"spent {'' if total.is_complete else 'at least '}{dollars(total.usd)}")
    if total.unpriced:
        parts.append(f"{total.unpriced:,} answers without a known price")
    if budget is not None:
        parts.append(f"budget {dollars(budget)}")
    return ", ".join(parts)
