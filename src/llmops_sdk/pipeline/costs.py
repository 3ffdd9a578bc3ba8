"""The expected cost and the budget of a run, before it starts or resumes."""

from __future__ import annotations

from llmops_sdk.errors import SpecError
from llmops_sdk.planning.costs.budget import check_budget
from llmops_sdk.planning.costs.estimate import expect_cost
from llmops_sdk.planning.costs.reuse import earlier_steps
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.record.costs.budget import write_budget
from llmops_sdk.record.costs.spending import spent
from llmops_sdk.record.run import Run
from llmops_sdk.record.stores import Store
from llmops_sdk.values.plan import Plan
from llmops_sdk.values.prices import dollars
from llmops_sdk.values.spending import ExpectedCost


def expect_run(plan: Plan, store: Store, registry: Registry) -> ExpectedCost | None:
    """Return what a run is expected to cost; None where no price is known, and nothing is to be compared with it.

    Args:
        plan: What will run.
        store: Where its runs are stored.
        registry: The plugins.

    Raises:
        SpecError: It is expected to cost more than its budget.
    """
    costs = plan.costs
    known = (*costs.models.values(), *costs.evaluators.values())
    has_price = any(each.price or each.training_price for each in known)
    if not has_price and costs.budget is None:
        return None
    expected = expect_cost(plan, registry, earlier_steps(plan, store))
    if costs.budget:
        check_budget(costs.budget.usd, expected)
    return expected


def raise_budget(run: Run, usd: float) -> None:
    """Give a run a larger budget.

    Raises:
        SpecError: The run has spent it already.
    """
    already = spent(run).usd
    if not already < usd < float("inf"):
        message = f"the budget includes what run {run.id!r} has spent already, {dollars(already)}: it is to be above that, not {usd:g}"
        raise SpecError(message)
    write_budget(run, usd)
