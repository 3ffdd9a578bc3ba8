"""The table of prices that ships with the package."""

from __future__ import annotations

import json
import re
from importlib.resources import files

from llmops_sdk.planning.costs.table import TABLE, shipped_price


def test_every_row_has_a_source_and_the_day_on_which_it_was_read() -> None:
    """And two prices above 0."""
    table = json.loads(files("llmops_sdk.planning.costs").joinpath(TABLE).read_text(encoding="utf-8"))
    rows = [(provider, row) for provider in table["providers"] for row in provider["models"]]

    assert len(rows) > 100
    assert "genai-prices" in table["through"]
    for provider, row in rows:
        assert provider["source"].startswith("https://")
        assert re.fullmatch(r"202\d-\d\d-\d\d", row["date"])
        assert row["input"] > 0
        assert row["output"] > 0


def test_a_price_is_that_of_the_provider_asked() -> None:
    """The same name at another address, and a name that only starts alike, has none."""
    price = shipped_price("https://api.openai.com/v1", "gpt-4o-mini")

    assert price is not None
    assert (0.15, 0.6) == (price.input, price.output)
    assert "genai-prices" in price.source
    assert price.date
    assert shipped_price("https://proxy.example.org/v1", "gpt-4o-mini") is None
    assert shipped_price("https://api.openai.com/v1", "gpt-4o-mini-tuned-by-us") is None
    assert shipped_price("", "gpt-4o-mini") is None
