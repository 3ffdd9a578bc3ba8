"""What a run and its steps spent."""

from __future__ import annotations

import pytest

from llmops_sdk import Run
from llmops_sdk.errors import RecordError
from llmops_sdk.record.costs.budget import write_expected
from llmops_sdk.record.costs.spending import read_spending, spending_line, spent, write_spending
from llmops_sdk.record.layout import spending_file
from llmops_sdk.values.spending import ExpectedCost, ExpectedStep, Range, Spending


def test_a_run_spent_what_its_steps_did(run: Run) -> None:
    """One step can be left out."""
    assert read_spending(run, "generate.echo") is None
    write_spending(run, "generate.echo", Spending(usd=1.5, answers=3))

    assert Spending(usd=1.5, answers=3) == read_spending(run, "generate.echo") == spent(run)
    assert Spending() == spent(run, without="generate.echo")


def test_expected_and_spent_are_one_line(run: Run) -> None:
    """What is not known is named."""
    expected = ExpectedCost((ExpectedStep("generate.echo", "echo", usd=Range(1, 2)),))
    write_expected(run, expected)
    write_spending(run, "generate.echo", Spending(usd=1.25, unpriced=4, is_complete=False))

    assert (
        "expected 1.00 to 2.00 USD, spent at least 1.25 USD, 4 answers without a known price, budget 3.00 USD"
        == spending_line(run)
    )


def test_a_damaged_count_is_named_with_what_its_removal_means(run: Run) -> None:
    """Under a budget it is not taken for nothing; the line of the run shows it and fails nothing else."""
    write_spending(run, "generate.echo", Spending(usd=1.25))
    run.put(spending_file("generate.echo"), b'{"usd": 1')

    with pytest.raises(RecordError, match=r"generate\.echo\.json' is damaged: .*; remove the file to count step"):
        spent(run)
    assert spending_line(run).startswith("unknown: the file ")
