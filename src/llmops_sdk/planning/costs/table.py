"""The table of token prices that ships with the package, each row with where and when it was read."""

from __future__ import annotations

import json
import re
from functools import cache
from importlib.resources import files
from typing import Any

from llmops_sdk.values.prices import Price

TABLE = "prices.json"


def shipped_price(address: str, model: str) -> Price | None:
    """Return the price of a model at its provider; None where the table lacks it.

    Args:
        address: The URL at which it is asked.
        model: Its name there; no other name, and no part of it, stands for it.

    >>> shipped_price("https://api.openai.com/v1", "gpt-4o-mini").date
    '2025-07-04'
    >>> shipped_price("http://localhost:8000/v1", "gpt-4o-mini") is None
    True
    """
    table = _table()
    for provider in table["providers"]:
        if re.match(provider["pattern"], address):
            for row in provider["models"]:
                if row["model"] == model:
                    source = f"{provider['source']}, through {table['through']}"
                    return Price(model, input=row["input"], output=row["output"], source=source, date=row["date"])
    return None


@cache
def _table() -> Any:
    return json.loads(files(__package__).joinpath(TABLE).read_text(encoding="utf-8"))
