"""The user's own prices: a YAML or JSON file in US dollars."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from llmops_sdk.errors import SpecError, describe_os_error
from llmops_sdk.planning.specification.keys import check_keys
from llmops_sdk.planning.specification.yaml_text import parse_yaml
from llmops_sdk.values.prices import CURRENCY, Price

_KEYS = ("currency", "tokens", "hours", "training")
_ORIGIN = ("source", "date")
_MONEY = {"tokens": ("input", "output"), "hours": ("usd",), "training": ("usd",)}
_CURRENCY = re.compile(r"[A-Z]{3}")


@attrs.frozen
class PriceFile:
    """The prices of a file, each by what it is of.

    Attributes:
        tokens: Of a million tokens: a model's name at its provider, or in the pipeline.
        hours: Of an hour of a machine: its type, or the name of a model in the pipeline that runs on it.
        training: Of an hour of training: the name of a model in the pipeline.
    """

    tokens: Mapping[str, Price] = attrs.field(factory=dict)
    hours: Mapping[str, Price] = attrs.field(factory=dict)
    training: Mapping[str, Price] = attrs.field(factory=dict)


def read_prices(path: Path) -> PriceFile:
    """Read a file of prices.

    Raises:
        SpecError: It cannot be read, or is no such file; the message names the place in it.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as exc:
        message = f"prices: {describe_os_error(exc)}"
        raise SpecError(message) from exc
    except UnicodeDecodeError as exc:
        message = f"prices: {path} is no text in UTF-8"
        raise SpecError(message) from exc
    where = path.name
    data = parse_yaml(text, where)
    if not isinstance(data, Mapping):
        message = f"{where} is not a mapping; it starts with `currency: {CURRENCY}` and `tokens:` or `hours:`"
        raise SpecError(message)
    check_keys(data, _KEYS, where)
    if "currency" not in data:
        message = f"{where} does not say which currency its prices are in; write `currency: {CURRENCY}`"
        raise SpecError(message)
    _check_currency(data["currency"], where)
    prices = PriceFile(
        **{key: _rows(data[key], key, f"{where}: {key}") for key in ("tokens", "hours", "training") if key in data}
    )
    for name in prices.tokens:
        if name in prices.hours:
            message = f"{where}: {name!r} has a price for tokens and one for hours; it is billed by one of them"
            raise SpecError(message)
    return prices


def _check_currency(value: Any, where: str) -> None:
    if value == CURRENCY:
        return
    if isinstance(value, str) and _CURRENCY.fullmatch(value):
        message = (
            f"{where}: the prices are in {value}, and all amounts are in {CURRENCY}: convert them, and write the rate and its"
            " date beside each as its source"
        )
    else:
        message = f"{where}: no currency is called {value!r}; write `currency: {CURRENCY}`"
    raise SpecError(message)


def _rows(data: Any, kind: str, where: str) -> dict[str, Price]:
    if not isinstance(data, Mapping) or not data:
        example = "gpt-4o-mini: {input: 0.15, output: 0.6}" if kind == "tokens" else "ml.g5.2xlarge: {usd: 1.5}"
        message = f"{where} has a row for each price, such as `{example}`"
        raise SpecError(message)
    return {str(name): _row(str(name), row, kind, f"{where}.{name}") for name, row in data.items()}


def _row(name: str, row: Any, kind: str, where: str) -> Price:
    money = _MONEY[kind]
    if kind != "tokens" and not isinstance(row, Mapping):
        row = {"usd": row}
    if not isinstance(row, Mapping):
        message = f"{where} is the price of a million tokens, such as {{input: 0.15, output: 0.6}}, not {row!r}"
        raise SpecError(message)
    known = (*money, *_ORIGIN, "currency")
    check_keys(row, known, where)
    if "currency" in row:
        _check_currency(row["currency"], where)
    amounts = {key: _amount(row.get(key), f"{where}.{key}") for key in money}
    source, date = ("" if row.get(key) is None else str(row[key]) for key in _ORIGIN)
    if kind != "tokens":
        return Price(name, hour=amounts["usd"], source=source, date=date)
    return Price(name, input=amounts["input"], output=amounts["output"], source=source, date=date)


def _amount(value: Any, where: str) -> float:
    if value is None:
        message = f"{where} is missing: a price that is not known is left out with its row, it is not 0"
        raise SpecError(message)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        message = f"{where} is a number in {CURRENCY}, not {value!r}"
        raise SpecError(message)
    if not 0 <= value < float("inf"):
        message = f"{where} is a price, a number from 0, not {value!r}"
        raise SpecError(message)
    return float(value)
