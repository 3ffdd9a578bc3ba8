"""Runs under a budget: nothing new is started at it, and a larger one finishes them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from llmops_sdk import Pipeline, Progress, SpecError, StepFailedError, resume
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.record.costs.spending import spent
from llmops_sdk.testing import InstantEndpoint, MemoryStore
from llmops_sdk.values.step_records import Failed, Succeeded


@pytest.fixture(name="pipeline")
def _pipeline(home: Path, tmp_path: Path) -> Pipeline:  # noqa: ARG001 - nothing is cached outside the test
    """Two candidates at a dollar a token."""
    prices = tmp_path / "prices.yaml"
    price = "{input: 1000000, output: 1000000}"
    prices.write_text(f"currency: USD\ntokens: {{loud: {price}, quiet: {price}}}\n")
    pipeline = Pipeline.builder("p").with_dataset("lines").with_prompt("bare").with_evaluator("echo-score")
    pipeline = pipeline.with_model("echo", name="loud", fine_tune=False, deployer={"concurrency": 1})
    pipeline = pipeline.with_model("echo", name="quiet", voice="quiet", fine_tune=False, deployer={"concurrency": 1})
    return pipeline.with_costs(prices=prices)


def test_a_budget_stops_a_run_and_a_larger_one_finishes_it(
    pipeline: Pipeline, registry: Registry, asked: list[str]
) -> None:
    """Nothing that was answered is asked again, and the verdict is that of a run without a budget."""
    whole = pipeline.run(store=MemoryStore(), registry=registry, progress=Progress())
    price, questions = spent(whole.run).usd, len(asked)
    asked.clear()
    store = MemoryStore()

    run = (
        pipeline.with_costs(prices=pipeline.spec.prices, budget_usd=0.75 * price)
        .run(store=store, registry=registry, progress=Progress())
        .run
    )

    records = [run.record(f"generate.{name}") for name in ("loud", "quiet")]
    assert isinstance(records[0], Succeeded)
    assert isinstance(records[1], Failed)
    assert "is spent, and nothing new is started; resume with a larger one: llmops run --resume" in records[1].error
    assert 0.75 * questions == len(asked)
    assert 0.75 * price == spent(run).usd

    with pytest.raises(SpecError, match="the budget includes what run"):
        resume(run.id, store=store, registry=registry, progress=Progress(), budget_usd=1)
    result = resume(run.id, store=store, registry=registry, progress=Progress(), budget_usd=2 * price)

    assert questions == len(asked)
    assert price == spent(result.run).usd
    assert whole.decision().headline == result.decision().headline


def test_a_budget_that_is_spent_starts_nothing(
    home: Path,  # noqa: ARG001 - nothing is cached outside the test
    registry: Registry,
    asked: list[str],
    tmp_path: Path,
) -> None:
    """A resume without a larger one asks nothing."""
    prices = tmp_path / "prices.yaml"
    prices.write_text("currency: USD\ntokens: {echo: {input: 1000000, output: 1000000}}\n")
    pipeline = Pipeline.builder("p").with_dataset("lines").with_prompt("bare").with_evaluator("echo-score")
    pipeline = pipeline.with_model("echo", fine_tune=False).with_costs(prices, budget_usd=20)
    store = MemoryStore()
    with pytest.raises(StepFailedError) as stopped:
        pipeline.run(store=store, registry=registry, progress=Progress())
    assert asked
    asked.clear()

    with pytest.raises(StepFailedError, match="is spent, and nothing new is started"):
        resume(getattr(stopped.value.run, "id", ""), store=store, registry=registry, progress=Progress())

    assert [] == asked


@pytest.fixture(name="judge")
def _judge() -> Iterator[InstantEndpoint]:
    """A judge that gives everything four points."""
    judge = InstantEndpoint(lambda _: "Score: 4")
    yield judge
    judge.close()


def judged(pipeline: Pipeline, judge: InstantEndpoint, prices: Path) -> Pipeline:
    """The pipeline with free candidates and a judge at a dollar a token."""
    prices.write_text(
        "currency: USD\ntokens: {judge: {input: 1000000, output: 1000000}, loud: {input: 0, output: 0}, quiet: {input: 0, output: 0}}\n"
    )
    judge_options = {"url": judge.url, "form": "text", "concurrency": 1}
    return pipeline.with_evaluator("llm-judge", name="judge", **judge_options).with_costs(prices=prices)


def test_a_judge_is_in_what_a_run_spent(
    pipeline: Pipeline, judge: InstantEndpoint, registry: Registry, tmp_path: Path
) -> None:
    """Every token that it read and wrote, at its price, and nothing of it in the cost of a candidate."""
    result = judged(pipeline, judge, tmp_path / "p.yaml").run(
        store=MemoryStore(), registry=registry, progress=Progress()
    )

    words = sum(len(prompt.split()) + 2 for prompt in judge.prompts)
    total = spent(result.run)
    assert words == total.usd
    assert total.is_complete
    assert [0.0, 0.0] == [cell.cost.answers_usd for cell in result.leaderboards[0].cells if cell.cost]


def test_a_budget_stops_a_judge_and_a_larger_one_continues(
    pipeline: Pipeline, judge: InstantEndpoint, registry: Registry, tmp_path: Path
) -> None:
    """What was judged is not judged again."""
    priced = judged(pipeline, judge, tmp_path / "p.yaml")
    whole = priced.run(store=MemoryStore(), registry=registry, progress=Progress())
    price, questions = spent(whole.run).usd, len(judge.prompts)
    judge.prompts.clear()
    store = MemoryStore()

    run = (
        priced.with_costs(prices=tmp_path / "p.yaml", budget_usd=0.75 * price)
        .run(store=store, registry=registry, progress=Progress())
        .run
    )

    records = [run.record(f"score.{name}.bare.lines") for name in ("loud", "quiet")]
    assert isinstance(records[0], Succeeded)
    assert isinstance(records[1], Failed)
    assert "the judge: the budget of" in records[1].error
    assert "is spent, and nothing new is started; resume with a larger one: llmops run --resume" in records[1].error
    assert questions / 2 < len(judge.prompts) < questions

    result = resume(run.id, store=store, registry=registry, progress=Progress(), budget_usd=2 * price)

    assert questions == len(judge.prompts)
    assert price == spent(result.run).usd
    assert whole.decision().text == result.decision().text
