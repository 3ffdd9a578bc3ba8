"""What a plan is expected to cost."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest

from llmops_sdk import Pipeline
from llmops_sdk.planning.costs.estimate import EarlierStep, expect_cost
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.values.plan import Plan
from llmops_sdk.values.spending import NOTHING, Range, Spending


@pytest.fixture(name="plan")
def _plan(home: Path, registry: Registry, tmp_path: Path) -> Plan:  # noqa: ARG001 - nothing is cached outside the test
    """A model by tokens, and a fine-tuned one by the hour."""
    prices = tmp_path / "prices.yaml"
    prices.write_text(
        "currency: USD\ntokens: {base: {input: 100, output: 1000}}\nhours: {tuned: 3}\ntraining: {tuned: 6}\n"
    )
    pipeline = (
        Pipeline.builder("p")
        .with_dataset("sample", category="summarization")
        .with_prompt("bare")
        .with_evaluator("echo-score")
    )
    pipeline = pipeline.with_model("echo", name="base", fine_tune=False).with_model(
        "echo", name="tuned", trainer="echo-trainer"
    )
    return pipeline.with_generation(max_new_tokens=50).with_costs(prices=prices).build(registry)


def test_tokens_follow_from_the_test_records(plan: Plan, registry: Registry) -> None:
    """Prompts at three to five characters a token; answers from half the references to the longest that is allowed."""
    step = expect_cost(plan, registry).of("generate.base")

    assert step is not None
    assert step.questions
    assert step.prompt_tokens.low is not None
    assert step.prompt_tokens.high is not None
    assert pytest.approx(5 / 3) == step.prompt_tokens.high / step.prompt_tokens.low
    assert 50 * step.questions == step.output_tokens.high
    low, high = step.usd.low, step.usd.high
    assert low is not None
    assert high is not None
    assert pytest.approx((100 * step.prompt_tokens.high + 1000 * 50 * step.questions) / 1e6) == high
    assert 0 < low < high


def test_hours_are_unknown_until_an_earlier_run_took_them(plan: Plan, registry: Registry) -> None:
    """Then they are half to twice as many; what is reused costs nothing."""
    expected = expect_cost(plan, registry)
    train = "train.tuned.bare.sample"

    assert Range() == getattr(expected.of(train), "usd", None)
    assert "the hours of training tuned are unknown until a run in this store took them" in expected.unknown
    assert expected.usd.high is None

    earlier = {
        train: EarlierStep("old", Spending(seconds=3600), is_same=False),
        "generate.base": EarlierStep("old", None, is_same=True),
    }
    expected = expect_cost(plan, registry, earlier)

    assert Range(3.0, 12.0) == getattr(expected.of(train), "usd", None)
    assert ("old", NOTHING) == (
        getattr(expected.of("generate.base"), "reused_from", ""),
        getattr(expected.of("generate.base"), "usd", None),
    )


def test_an_unknown_price_is_named_with_the_row_to_write(home: Path, registry: Registry) -> None:  # noqa: ARG001 - see above
    """It is never 0."""
    pipeline = (
        Pipeline.builder("p")
        .with_dataset("sample", category="summarization")
        .with_prompt("bare")
        .with_evaluator("echo-score")
    )

    expected = expect_cost(pipeline.with_model("echo", fine_tune=False).build(registry), registry)

    assert Range() == expected.steps[0].usd
    assert (
        "the price of asking echo is unknown; give it in a file that `prices:` names: hours: {echo: ...}",
    ) == expected.unknown


def test_what_retention_asks_is_expected_too(home: Path, registry: Registry) -> None:  # noqa: ARG001 - see above
    """Of the tuned candidate and of its base."""
    pipeline = Pipeline.builder("p").with_dataset("sample", category="summarization").with_prompt("bare")
    pipeline = pipeline.with_evaluator("echo-score").with_model("echo", name="tuned", trainer="echo-trainer")
    alone = expect_cost(pipeline.build(registry), registry)

    expected = expect_cost(pipeline.with_retention().build(registry), registry)

    asked = [
        [step.questions or 0 for step in each.steps if step.step.startswith("generate")] for each in (alone, expected)
    ]
    assert sum(asked[0]) + 2 * 100 == sum(asked[1])


def test_what_a_prompt_retrieves_comes_on_top(home: Path, registry: Registry, tmp_path: Path) -> None:  # noqa: ARG001 - see above
    """How much that is, no plan knows; the low end is that of the prompt alone."""
    prices = tmp_path / "prices.yaml"
    prices.write_text("currency: USD\ntokens: {echo: {input: 100, output: 1000}}\n")
    pipeline = Pipeline.builder("p").with_dataset("sample", category="summarization").with_evaluator("echo-score")
    pipeline = pipeline.with_model("echo", fine_tune=False).with_costs(prices=prices)
    alone = expect_cost(pipeline.with_prompt("bare").build(registry), registry)

    expected = expect_cost(pipeline.with_prompt("bare", examples=2).build(registry), registry)

    assert alone.steps[0].prompt_tokens.low == expected.steps[0].prompt_tokens.low
    assert expected.usd.high is None
    assert ("the tokens that retrieval adds to the prompts of echo are unknown",) == expected.unknown


def test_emulated_services_bill_nothing(home: Path, registry: Registry) -> None:  # noqa: ARG001 - see above
    """No price is asked for."""
    pipeline = Pipeline.builder("p").with_dataset("sample").with_prompt("bare").with_evaluator("echo-score")
    plan = pipeline.with_model("echo", fine_tune=False).build(registry)
    rehearsal = next(
        offer.card.name for offer in registry.offers("executor") if getattr(offer.card, "emulates_services", 0)
    )

    expected = expect_cost(attrs.evolve(plan, executor=attrs.evolve(plan.executor, use=rehearsal)), registry)

    assert ("services are emulated, and bill nothing",) == expected.unknown
