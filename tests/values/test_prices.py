"""Prices, and amounts as people read them."""

from __future__ import annotations

from llmops_sdk.values.answers import Answer
from llmops_sdk.values.prices import Billing, Costs, ModelPrices, Price, Traffic, answer_cost, dollar_range

TOKENS = Price("m", input=1.0, output=2.0)


def test_a_price_is_of_tokens_or_of_hours() -> None:
    """The other one is not known, and never 0."""
    assert 5.0 == TOKENS.of_tokens(1_000_000, 2_000_000)
    assert TOKENS.of_seconds(3600) is None
    assert 3.0 == Price("g", hour=2.0).of_seconds(5400)
    assert Price("g", hour=2.0).of_tokens(1, 1) is None


def test_an_answer_costs_what_came_with_it() -> None:
    """Without that, its tokens at their price; without one of them, nothing is known."""
    assert 0.5 == answer_cost(Answer("x", prompt_tokens=10, output_tokens=10, cost=0.5), TOKENS)
    assert 3e-5 == answer_cost(Answer("x", prompt_tokens=10, output_tokens=10), TOKENS)
    assert answer_cost(Answer("x", prompt_tokens=10), TOKENS) is None
    assert answer_cost(Answer("x", prompt_tokens=10, output_tokens=10), None) is None


def test_a_model_without_prices_is_unknown() -> None:
    """Recorded answers are known: nothing is billed."""
    costs = Costs({"a": ModelPrices(Billing("tokens", "m"), TOKENS), "r": ModelPrices(Billing("nothing"))})

    assert costs.of("a").is_known
    assert costs.of("r").is_known
    assert not costs.of("other").is_known
    assert not ModelPrices(Billing("tokens", "m"), TOKENS, Billing("hours")).is_known
    assert ("tokens", "nothing", "") == tuple(costs.of(name).by for name in ("a", "r", "other"))


def test_the_traffic_in_words() -> None:
    """Hours are named where they are not the whole day."""
    assert "5,000 requests a day" == Traffic(5000).text
    assert "5,000 requests a day within 8 hours" == Traffic(5000, 8).text


def test_an_end_that_is_not_known() -> None:
    """A low end of 0 says nothing."""
    assert "at most 3.00 USD" == dollar_range(None, 3)
    assert "unknown" == dollar_range(0, None)
