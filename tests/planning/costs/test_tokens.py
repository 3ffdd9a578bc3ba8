"""The tokens of questions."""

from __future__ import annotations

import pytest

from llmops_sdk import Pipeline
from llmops_sdk.planning.costs.tokens import asked_tokens, load_tokens, price_of_tokens, share_asked, tokens_of
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.values.plan import GenerateStep, Plan
from llmops_sdk.values.prices import Price
from llmops_sdk.values.spending import Range

RECORDS = [{"instruction": "i", "context": "a" * 15, "response": "b" * 30}] * 2


@pytest.fixture(name="plan")
def _plan(registry: Registry) -> Plan:
    pipeline = Pipeline.builder("p").with_dataset("lines").with_prompt("bare").with_evaluator("echo-score")
    pipeline = pipeline.with_model("echo", fine_tune=False).with_model(
        "echo", name="other", voice="quiet", fine_tune=False
    )
    return pipeline.with_generation(max_new_tokens=50).with_early_stopping(2).build(registry, offline=True)


def test_prompts_are_counted_by_their_characters(plan: Plan) -> None:
    """Answers from half the references to the longest; of records that are not known, nothing is."""
    cell = plan.cells[0]

    tokens = asked_tokens(plan, cell, RECORDS, Range(1.0, 1.0))

    assert tokens is not None
    assert (2, Range(6.0, 10.0)) == (tokens.questions, tokens.prompts)
    assert (Range(6.0, 100.0), Range(12.0, 20.0)) == (tokens.answers, tokens.references)
    assert asked_tokens(plan, cell, None, Range(1.0, 1.0)) is None
    assert Range(6.0, 10.0) == tokens_of(30)


def test_a_load_asks_the_records_again_and_again(plan: Plan) -> None:
    """As many as its requests; nothing is known without records."""
    tokens = load_tokens(plan, plan.cells[0], RECORDS, 10)

    assert tokens is not None
    assert (10, Range(30.0, 50.0)) == (tokens.questions, tokens.prompts)
    assert load_tokens(plan, plan.cells[0], [], 10) is None


def test_a_later_look_may_ask_nothing(plan: Plan) -> None:
    """The first one asks its share."""
    first, second = (plan.step_by_name[f"generate.echo@look{look}"] for look in (1, 2))
    assert isinstance(first, GenerateStep)
    assert isinstance(second, GenerateStep)

    assert Range(0.5, 0.5) == share_asked(plan, first)
    assert Range(0.0, 0.5) == share_asked(plan, second)


def test_the_price_of_an_unknown_number_is_unknown() -> None:
    """The other end is known."""
    price = Price("m", input=1.0, output=2.0)

    assert Range(4.0, None) == price_of_tokens(price, Range(2_000_000, None), Range(1_000_000, 1_000_000))
