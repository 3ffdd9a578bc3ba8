"""What a plan is expected to cost, as `plan` prints it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from llmops_sdk import Pipeline, Progress
from llmops_sdk.cli.output.costs.expected import show_expected
from llmops_sdk.cli.output.run import show_run
from llmops_sdk.cli.output.tables import open_console
from llmops_sdk.planning.costs.estimate import expect_cost
from llmops_sdk.planning.costs.reuse import earlier_steps
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.record.costs.spending import spent
from llmops_sdk.testing import MemoryStore
from llmops_sdk.values.prices import dollar_range, dollars

from .lines import lines_of

if TYPE_CHECKING:
    import pytest


def test_a_plan_shows_steps_their_sum_and_what_is_not_known(
    home: Path,  # noqa: ARG001 - nothing is cached outside the test
    registry: Registry,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """With the price of each model and where it was read."""
    monkeypatch.setenv("COLUMNS", "200")
    prices = tmp_path / "prices.yaml"
    prices.write_text("currency: USD\ntokens: {base: {input: 100, output: 1000, source: a page, date: 2026-11-01}}\n")
    pipeline = (
        Pipeline.builder("p")
        .with_dataset("sample", category="summarization")
        .with_prompt("bare")
        .with_evaluator("echo-score")
    )
    pipeline = pipeline.with_model("echo", name="base", fine_tune=False)
    pipeline = pipeline.with_model("echo", name="tuned", trainer="echo-trainer")
    plan = pipeline.with_costs(prices=prices, requests_per_day=10).build(registry)

    show_expected(open_console(), plan, expect_cost(plan, registry))

    shown = lines_of(capsys)
    assert "expected cost" in shown
    assert "base: base at 100 USD in, 1000 USD out per million tokens (a page, read 2026-11-01)" in shown
    assert any(line.startswith("total: at least ") for line in shown)
    assert any(line.endswith("; 2 candidates on 1 dataset; 0 of 3 steps reused") for line in shown)
    assert any("the price of training tuned is unknown" in line for line in shown)


def test_a_judge_is_a_row_with_the_source_of_its_price(
    home: Path,  # noqa: ARG001 - nothing is cached outside the test
    registry: Registry,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """That of the table, by its address and its model."""
    monkeypatch.setenv("COLUMNS", "200")
    pipeline = Pipeline.builder("p").with_dataset("sample", max_test_records=4).with_prompt("bare")
    pipeline = pipeline.with_model("echo", fine_tune=False).with_evaluator("echo-score")
    url = "https://api.openai.com/v1/chat/completions"
    plan = pipeline.with_evaluator("llm-judge", url=url, model="gpt-4o").build(registry, offline=True)

    show_expected(open_console(), plan, expect_cost(plan, registry))

    shown = lines_of(capsys)
    assert any(line.startswith("score.echo.bare.sample 4 ") for line in shown)
    assert any(line.startswith("llm-judge: gpt-4o at ") and "openai.com" in line for line in shown)


def test_what_earlier_runs_did_costs_nothing_and_names_them(
    home: Path,  # noqa: ARG001 - nothing is cached outside the test
    registry: Registry,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """A run shows what each step was expected to cost, and what it spent."""
    monkeypatch.setenv("COLUMNS", "200")
    prices = tmp_path / "prices.yaml"
    prices.write_text("currency: USD\ntokens: {echo: {input: 100, output: 1000}}\n")
    pipeline = Pipeline.builder("p").with_dataset("sample", category="summarization").with_prompt("bare")
    pipeline = pipeline.with_evaluator("echo-score").with_model("echo", fine_tune=False)
    pipeline = pipeline.with_costs(prices=prices, budget_usd=100)
    plan, store = pipeline.build(registry), MemoryStore()
    expected = expect_cost(plan, registry)

    run = pipeline.run(store=store, registry=registry, progress=Progress()).run
    show_run(run)

    spending = spent(run)
    shown = lines_of(capsys)
    assert "step expected spent tokens in tokens out hours" in shown
    low_high = dollar_range(expected.usd.low, expected.usd.high)
    assert (
        f"generate.echo {low_high} {dollars(spending.usd)} {spending.prompt_tokens:,} {spending.output_tokens:,} <0.01"
        in shown
    )

    show_expected(open_console(), plan, expect_cost(plan, registry, earlier_steps(plan, store)))

    shown = lines_of(capsys)
    assert "generate.echo 0 USD, reused" in shown
    assert "total: 0 USD; budget: 100.00 USD; 1 candidate on 1 dataset; 1 of 1 step reused" in shown
    assert f"reused from run {run.id}: generate.echo" in shown
