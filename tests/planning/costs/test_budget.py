"""The check of a budget before a run."""

from __future__ import annotations

import pytest

from llmops_sdk.errors import SpecError
from llmops_sdk.planning.costs.budget import budget_risk, check_budget
from llmops_sdk.values.spending import ExpectedCost, ExpectedStep, Range

EXPECTED = ExpectedCost(
    (ExpectedStep("generate.a", "a", usd=Range(3, 5)), ExpectedStep("generate.b", "b", usd=Range(4, 9)))
)


def test_a_budget_that_may_be_enough_is_accepted() -> None:
    """The run stops at it, if it is not."""
    check_budget(7, EXPECTED)
    check_budget(0.5, ExpectedCost((ExpectedStep("generate.a", "a"),)))


def test_a_budget_that_cannot_be_enough_is_refused() -> None:
    """The sum, or the one step that alone is above it, is named."""
    with pytest.raises(SpecError, match=r"the run is expected to cost 7.00 to 14.00 USD, and the budget is 5.00 USD"):
        check_budget(5, EXPECTED)
    with pytest.raises(
        SpecError, match=r"smaller than step 'generate.b' alone, which is expected to cost 4.00 to 9.00 USD"
    ):
        check_budget(3.5, EXPECTED)


def test_a_run_that_may_stop_at_its_budget_is_pointed_out() -> None:
    """Where nothing can be known, or it is enough in any case, there is nothing to point out."""
    assert (
        "the run may cost up to 14.00 USD: at its budget of 8.00 USD it starts nothing new, and a resume with a larger one"
        " finishes it"
    ) == budget_risk(8, EXPECTED)
    assert "" == budget_risk(14, EXPECTED) == budget_risk(1, ExpectedCost((ExpectedStep("generate.a", "a"),)))
