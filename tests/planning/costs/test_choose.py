"""Which price a model has."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmops_sdk import Pipeline, SpecError
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.values.prices import Billing, Costs, ModelPrices


@pytest.fixture(name="pipeline")
def _pipeline(home: Path) -> Pipeline:  # noqa: ARG001 - nothing is cached outside the test
    """A pipeline without a model."""
    return Pipeline.builder("p").with_dataset("lines").with_prompt("bare").with_evaluator("echo-score")


def costs_of(pipeline: Pipeline, registry: Registry) -> Costs:
    """What its plan knows about money."""
    return pipeline.build(registry, offline=True).costs


def test_a_provider_model_has_the_price_of_the_table(pipeline: Pipeline, registry: Registry) -> None:
    """With its source and its date; a model on another server has none."""
    pipeline = pipeline.with_model("openai/gpt-4o-mini")
    own = pipeline.with_model("openai-compatible", name="own", model="gpt-4o-mini", base_url="http://127.0.0.1:9/v1")

    costs = costs_of(own, registry)

    price = costs.of("gpt-4o-mini").price
    assert price is not None
    assert "developers.openai.com" in price.source
    assert price.date
    assert costs.of("own").price is None
    assert "tokens" == costs.of("own").by


def test_the_users_price_comes_first(pipeline: Pipeline, registry: Registry, tmp_path: Path) -> None:
    """By the name in the pipeline, by that at the provider, or by the type of the machine times their number."""
    prices = tmp_path / "prices.yaml"
    prices.write_text(
        "currency: USD\ntokens: {gpt-4o-mini: {input: 9, output: 9}, mine: {input: 8, output: 8}}\nhours: {local: 0.5}\n"
    )
    pipeline = pipeline.with_model("openai/gpt-4o-mini").with_model(
        "openai/gpt-4o-mini", name="mine", varies={"temperature": 1}
    )
    pipeline = pipeline.with_costs(prices=prices)

    costs = costs_of(pipeline, registry)

    assert (9.0, 8.0) == tuple(getattr(costs.of(name).price, "input", None) for name in ("gpt-4o-mini", "mine"))


def test_nothing_is_known_of_a_model_that_does_not_say_how_it_is_billed(pipeline: Pipeline, registry: Registry) -> None:
    """It is left out of the plan."""
    assert Costs() == costs_of(pipeline.with_model("echo", fine_tune=False), registry)


def test_training_has_a_price_of_its_own(pipeline: Pipeline, registry: Registry, tmp_path: Path) -> None:
    """By the name of the model."""
    prices = tmp_path / "prices.yaml"
    prices.write_text("currency: USD\nhours: {tuned: 2}\ntraining: {tuned: 7}\n")
    pipeline = pipeline.with_model("echo", name="tuned", trainer="echo-trainer").with_costs(prices=prices)

    chosen = costs_of(pipeline, registry).of("tuned")

    assert (2.0, 7.0) == (getattr(chosen.price, "hour", None), getattr(chosen.training_price, "hour", None))
    assert "hours" == chosen.by


def test_a_budget_needs_every_price(pipeline: Pipeline, registry: Registry) -> None:
    """The error names the row to write; recorded answers and this machine need none."""
    api = pipeline.with_model("openai-compatible", name="own", model="m", base_url="http://127.0.0.1:9/v1")

    with pytest.raises(SpecError) as error:
        api.with_costs(budget_usd=20).build(registry, offline=True)

    assert "budget: the price of asking model 'own' (m) is not known, so the budget cannot be kept" in str(error.value)
    assert str(error.value).endswith("tokens: {m: {input: ..., output: ...}}")


def test_recorded_answers_are_not_billed(pipeline: Pipeline, registry: Registry, tmp_path: Path) -> None:
    """A budget may be stated beside them."""
    (tmp_path / "a.jsonl").write_text('{"id": "1", "answer": "x"}\n')
    pipeline = pipeline.with_model("recorded", name="old", path=str(tmp_path / "a.jsonl")).with_costs(budget_usd=1)

    assert ModelPrices(Billing("nothing")) == costs_of(pipeline, registry).of("old")
