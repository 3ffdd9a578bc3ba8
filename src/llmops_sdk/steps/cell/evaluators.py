"""Which evaluators score a cell."""

from __future__ import annotations

from llmops_sdk.values.plan import Cell, Component, Plan


def evaluators_of(plan: Plan, cell: Cell) -> tuple[Component, ...]:
    """Return the evaluators of a cell: all of the plan, or on the dataset of `retention` the one that decides there."""
    if plan.retention is None or cell.dataset != plan.retention.dataset.name:
        return plan.evaluators
    return tuple(component for component in plan.evaluators if component.name == plan.retention.evaluator)
