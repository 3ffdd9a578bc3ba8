"""What a plan is expected to cost, as `plan` prints it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.text import Text

from llmops_sdk.cli.output.tables import count, new_table
from llmops_sdk.planning.costs.budget import budget_risk
from llmops_sdk.planning.costs.estimate import LOAD_ALONE
from llmops_sdk.progress import plain
from llmops_sdk.values.plan import Plan, TrainStep
from llmops_sdk.values.prices import dollar_range, dollars
from llmops_sdk.values.spending import NOTHING, ExpectedCost, ExpectedStep, Range

if TYPE_CHECKING:
    from rich.console import Console

MOST_ROWS = 30
"""Of a table of steps."""

_FEWEST_HOURS = 0.01
"""Fewer are not told apart."""


def show_expected(console: Console, plan: Plan, expected: ExpectedCost) -> None:
    """Print what a plan is expected to cost: its steps that train or ask, their sum, and what is not known."""
    console.print("\nexpected cost")
    table = new_table("step", "asks", "tokens in", "tokens out", "hours", "price")
    for column in table.columns[1:]:
        column.justify = "right"
    for step in expected.steps[:MOST_ROWS]:
        table.add_row(*_step_row(plan, step))
    console.print(table)
    if len(expected.steps) > MOST_ROWS:
        console.print(f"… and {len(expected.steps) - MOST_ROWS} more steps")
    candidates, datasets = {cell.candidate for cell in plan.cells}, {cell.dataset for cell in plan.cells}
    reused = sum(bool(step.reused_from) for step in expected.steps)
    budget = plan.costs.budget
    total = (
        f"total: {dollar_range(expected.usd.low, expected.usd.high)}",
        *([f"budget: {dollars(budget.usd)}"] if budget else []),
        f"{count(len(candidates), 'candidate')} on {count(len(datasets), 'dataset')}",
        f"{reused} of {count(len(expected.steps), 'step')} reused",
    )
    console.print(Text(plain("; ".join(total))))
    for remark in _remarks(expected):
        console.print(Text(plain(remark), style="dim"))
    if budget and (risk := budget_risk(budget.usd, expected)):
        console.print(Text(risk))
    for name, prices in (*plan.costs.models.items(), *plan.costs.evaluators.items()):
        lines = [f"{name}: {price.unit} at {price.text}" for price in (prices.price, prices.training_price) if price]
        for line in dict.fromkeys(lines):
            console.print(Text(plain(line), style="dim"))


def short_hours(hours: float) -> str:
    """Write hours with two digits."""
    return f"{hours:.2g}" if hours >= _FEWEST_HOURS else f"<{_FEWEST_HOURS:g}"


def _remarks(expected: ExpectedCost) -> Iterator[str]:
    """Yield what is reused, what an endpoint is started for, and what is in no amount."""
    for earlier in dict.fromkeys(step.reused_from for step in expected.steps if step.reused_from):
        names = [step.step for step in expected.steps if step.reused_from == earlier]
        yield f"reused from run {earlier}: {', '.join(names)}"
    yield from (f"{step.step}: {LOAD_ALONE}" for step in expected.steps if step.basis == LOAD_ALONE)
    yield from (f"not in it: {sentence}" for sentence in expected.unknown)


def _step_row(plan: Plan, step: ExpectedStep) -> Iterator[str]:
    is_training = isinstance(plan.step_by_name[step.step], TrainStep)
    yield step.step
    if step.reused_from:
        yield from ("", "", "", "", "0 USD, reused")
        return
    if step.questions == 0 and step.usd == NOTHING:
        yield from ("none", "", "", "", step.basis)
        return
    yield "" if is_training else ("unknown" if step.questions is None else f"{step.questions:,}")
    yield "" if is_training else _numbers(step.prompt_tokens)
    yield "" if is_training else _numbers(step.output_tokens)
    yield _hours(step.hours)
    yield dollar_range(step.usd.low, step.usd.high)


def _numbers(each: Range) -> str:
    if each.low is None and each.high is None:
        return "unknown"
    ends = ("?" if end is None else f"{round(end):,}" for end in (each.low, each.high))
    return " to ".join(dict.fromkeys(ends))


def _hours(each: Range) -> str:
    if each.high is None:
        return "unknown" if each.low is None else f"at least {short_hours(each.low)}"
    if not each.high:
        return "0"
    ends = [short_hours(end) for end in (each.low, each.high) if end is not None]
    if len(ends) == 1:
        return f"at most {ends[0]}"
    return ends[0] if ends[0] == ends[1] else " to ".join(ends)
