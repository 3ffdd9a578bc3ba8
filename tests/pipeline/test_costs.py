"""The expected cost and the budget of a run, before it starts or resumes."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmops_sdk import Pipeline, Progress, SpecError
from llmops_sdk.pipeline.costs import expect_run
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.record.costs.budget import read_expected
from llmops_sdk.testing import MemoryStore


@pytest.fixture(name="pipeline")
def _pipeline(home: Path, tmp_path: Path) -> Pipeline:  # noqa: ARG001 - nothing is cached outside the test
    """A candidate at a dollar a token."""
    prices = tmp_path / "prices.yaml"
    prices.write_text("currency: USD\ntokens: {echo: {input: 1000000, output: 1000000}}\n")
    pipeline = (
        Pipeline.builder("p")
        .with_dataset("sample", category="summarization")
        .with_prompt("bare")
        .with_evaluator("echo-score")
    )
    return pipeline.with_model("echo", fine_tune=False).with_costs(prices=prices)


def test_a_run_above_its_budget_does_not_start(pipeline: Pipeline, registry: Registry, asked: list[str]) -> None:
    """It leaves no record, and asks nothing."""
    store = MemoryStore()

    with pytest.raises(SpecError, match=r"the budget of 1.00 USD is smaller than step 'generate.echo' alone"):
        pipeline.with_costs(prices=pipeline.spec.prices, budget_usd=1).run(
            store=store, registry=registry, progress=Progress()
        )

    assert [] == asked
    assert [] == list(store.list("runs/"))


def test_what_was_expected_is_kept_with_the_run(pipeline: Pipeline, registry: Registry) -> None:
    """A second run of the same reuses the first, and is expected to cost nothing."""
    store = MemoryStore()
    first, second = (pipeline.run(store=store, registry=registry, progress=Progress()).run for _ in range(2))

    expected = read_expected(first)
    assert expected is not None
    assert expected.usd.low
    again = read_expected(second)
    assert again is not None
    assert (0, 0) == (again.usd.low, again.usd.high)


def test_nothing_is_expected_where_no_price_is_known(registry: Registry, home: Path) -> None:  # noqa: ARG001 - see above
    """A run without prices reads no records for it."""
    pipeline = (
        Pipeline.builder("p")
        .with_dataset("sample", category="summarization")
        .with_prompt("bare")
        .with_evaluator("echo-score")
    )

    assert expect_run(pipeline.with_model("echo", fine_tune=False).build(registry), MemoryStore(), registry) is None
