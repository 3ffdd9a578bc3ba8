"""The user's own prices."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmops_sdk.errors import SpecError
from llmops_sdk.planning.costs.price_file import read_prices
from llmops_sdk.values.prices import Price


def write(tmp_path: Path, text: str) -> Path:
    """A file of prices."""
    path = tmp_path / "prices.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_prices_with_and_without_their_origin(tmp_path: Path) -> None:
    """A number alone is the price of an hour."""
    prices = read_prices(
        write(
            tmp_path,
            "currency: USD\n"
            "tokens: {old: {input: 0.15, output: 0.6, source: contract, date: 2026-11-01}}\n"
            "hours: {ml.g5.2xlarge: 1.5, local: {usd: 0.2}}\n"
            "training: {tuned: 7}\n",
        )
    )

    assert Price("old", 0.15, 0.6, source="contract", date="2026-11-01") == prices.tokens["old"]
    assert Price("ml.g5.2xlarge", hour=1.5) == prices.hours["ml.g5.2xlarge"]
    assert 7.0 == prices.training["tuned"].hour


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tokens: {a: {input: 1, output: 1}}", "prices.yaml does not say which currency its prices are in; write"),
        ("currency: EUR\nhours: {a: 1}", "the prices are in EUR, and all amounts are in USD: convert them"),
        ("currency: Taler\nhours: {a: 1}", "no currency is called 'Taler'; write `currency: USD`"),
        ("currency: USD\nhours: {a: {usd: 1, currency: CHF}}", "hours.a: the prices are in CHF"),
        ("currency: USD\nhours: {a: -1}", "prices.yaml: hours.a.usd is a price, a number from 0, not -1"),
        ("currency: USD\nhours: {a: 1 USD}", "hours.a.usd is a number in USD, not '1 USD'"),
        ("currency: USD\nhours: {a: {eur: 1}}", "hours.a has an unknown key 'eur'"),
        ("currency: USD\ntokens: {a: {input: 1}}", "tokens.a.output is missing: a price that is not known is left out"),
        ("currency: USD\ntokens: {a: 1}", "tokens.a is the price of a million tokens, such as"),
        ("currency: USD\ntokens: []", "prices.yaml: tokens has a row for each price, such as `gpt-4o-mini:"),
        ("currency: USD\nhour: {a: 1}", "prices.yaml has an unknown key 'hour'; did you mean 'hours'?"),
        (
            "currency: USD\ntokens: {a: {input: 1, output: 1}}\nhours: {a: 1}",
            "'a' has a price for tokens and one for hours",
        ),
        ("- 1", "prices.yaml is not a mapping; it starts with `currency: USD`"),
    ],
)
def test_what_is_no_price_is_named(tmp_path: Path, text: str, message: str) -> None:
    """In one line, with its place and how to fix it."""
    with pytest.raises(SpecError) as error:
        read_prices(write(tmp_path, text))

    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    """It is named."""
    with pytest.raises(SpecError, match=r"prices: No such file or directory: .*missing.yaml"):
        read_prices(tmp_path / "missing.yaml")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SpecError, match="is no text in UTF-8"):
        read_prices(tmp_path / "binary")
