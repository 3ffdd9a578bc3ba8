"""What judges are expected to cost."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmops_sdk import Pipeline, Progress, SpecError
from llmops_sdk.planning.costs.estimate import expect_cost
from llmops_sdk.planning.costs.reuse import earlier_steps
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.testing import InstantEndpoint, MemoryStore

HOSTED = "https://judge.example.org/v1/chat/completions"
LOCAL = "http://127.0.0.1:9/v1/chat/completions"


def judged(url: str = HOSTED, use: str = "llm-judge", **options: object) -> Pipeline:
    """A free candidate on bundled records, and a judge."""
    pipeline = Pipeline.builder("p").with_dataset("sample", category="summarization", max_test_records=4)
    pipeline = pipeline.with_prompt("bare").with_model("echo", fine_tune=False).with_evaluator("echo-score")
    return pipeline.with_evaluator(use, name="judge", url=url, model="m", **options)


@pytest.fixture(name="prices")
def _prices(tmp_path: Path) -> Path:
    """Of a million tokens, and of an hour of the candidate."""
    path = tmp_path / "prices.yaml"
    path.write_text("currency: USD\ntokens: {judge: {input: 100, output: 1000}}\nhours: {echo: 1}\n")
    return path


def test_a_judge_reads_its_own_text_the_record_and_the_answer(registry: Registry, prices: Path) -> None:
    """Its reply has a token at least, and `max_new_tokens` at most; a pair is asked in both orders."""
    pipeline = judged(max_new_tokens=100).with_costs(prices=prices)
    expected = expect_cost(pipeline.build(registry, offline=True), registry)

    step = expected.of("score.echo.bare.sample")

    assert step is not None
    assert (4, 4, 400) == (step.questions, step.output_tokens.low, step.output_tokens.high)
    asked = expected.of("generate.echo")
    assert asked is not None
    assert step.prompt_tokens.low is not None
    assert asked.prompt_tokens.low is not None
    assert (
        step.prompt_tokens.low > asked.prompt_tokens.low + 4 * 1000 / 5
    )  # the rubric has more than a thousand characters
    high = step.prompt_tokens.high
    assert high is not None
    assert pytest.approx((100 * high + 1000 * 400) / 1e6) == step.usd.high
    pairs = judged(use="pairwise-judge", repeats=3, temperature=1).with_costs(prices=prices)
    pair = expect_cost(pairs.build(registry, offline=True), registry).of("score.echo.bare.sample")
    assert pair is not None
    assert 4 * 2 * 3 == pair.questions


def test_a_judge_without_a_price_is_named_with_the_row_to_write(registry: Registry, tmp_path: Path) -> None:
    """It is unknown, and no budget can be kept; a judge on this machine is billed by nobody."""
    row = "give it in a file that `prices:` names: tokens: {m: {input: ..., output: ...}}"
    expected = expect_cost(judged().build(registry, offline=True), registry)
    assert f"the price of what evaluator judge asks is unknown; {row}" in expected.unknown
    assert expected.usd.high is None

    local = expect_cost(judged(LOCAL).build(registry, offline=True), registry)
    assert not any("judge" in sentence for sentence in local.unknown)
    assert local.of("score.echo.bare.sample") is None

    hours = tmp_path / "hours.yaml"
    hours.write_text("currency: USD\nhours: {echo: 1}\n")
    with pytest.raises(
        SpecError, match=r"the price of asking evaluator 'judge' \(m\) is not known, so the budget cannot"
    ):
        judged().with_costs(prices=hours, budget_usd=1).build(registry, offline=True)
    assert judged(LOCAL).with_costs(prices=hours, budget_usd=1).build(registry, offline=True).costs.budget


@pytest.mark.usefixtures("home")
def test_what_was_judged_before_costs_nothing(registry: Registry, prices: Path) -> None:
    """Another judge does, and a metric that asks nobody changes nothing."""
    judge = InstantEndpoint(lambda _: "Score: 4")
    store = MemoryStore()
    try:
        pipeline = judged(judge.url, form="text").with_costs(prices=prices)
        pipeline.run(store=store, registry=registry, progress=Progress())
    finally:
        judge.close()

    def questions(pipeline: Pipeline) -> int | None:
        plan = pipeline.build(registry, offline=True)
        step = expect_cost(plan, registry, earlier_steps(plan, store)).of("score.echo.bare.sample")
        return step.questions if step else None

    assert 0 == questions(pipeline)
    assert 0 == questions(pipeline.with_evaluator("text-metrics", metrics=["token_f1"]))
    assert 4 == questions(judged(judge.url, form="text", max_new_tokens=99).with_costs(prices=prices))
