"""The budget of a run, and what it was expected to cost."""

from __future__ import annotations

from llmops_sdk import Run
from llmops_sdk.record.costs.budget import budget_of, read_expected, write_budget, write_expected
from llmops_sdk.values.spending import ExpectedCost, ExpectedStep, Range


def test_another_budget_takes_the_place_of_the_plans(run: Run) -> None:
    """As of a resume."""
    assert 3.0 == budget_of(run)
    write_budget(run, 10)
    assert 10.0 == budget_of(run)


def test_what_was_expected_is_kept(run: Run) -> None:
    """Until then nothing is known."""
    assert read_expected(run) is None
    expected = ExpectedCost((ExpectedStep("generate.echo", "echo", usd=Range(1, 2)),))
    write_expected(run, expected)

    assert expected == read_expected(run)
