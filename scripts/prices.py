"""Write the table of token prices from a checkout of `genai-prices` (MIT): src/llmops_sdk/planning/costs/prices.json.

    python scripts/prices.py CHECKOUT

A row is taken over, by the model's own name only, where its source says on which day the price was read, and where the price does not depend on the
time of day or the length of the prompt. The installed `genai_prices`, which may be newer, must agree with it. Bedrock's
prices are left out: they differ by region.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

PROVIDERS = ("openai", "cerebras", "deepseek", "fireworks", "google", "groq", "mistral", "together", "x_ai")
"""The files of the providers that `openai-compatible` knows an address of."""

OTHER_MEDIA = ("audio", "realtime", "image", "tts", "transcribe", "search", "embed")
"""Parts of the names of models whose prices are not those of texts alone."""

TABLE = Path(__file__).parents[1] / "src/llmops_sdk/planning/costs/prices.json"


def main(checkout: Path) -> None:
    """Write the table."""
    providers = []
    for name in PROVIDERS:
        data = yaml.safe_load((checkout / "prices" / "providers" / f"{name}.yml").read_text(encoding="utf-8"))
        providers.append(
            {
                "provider": data["id"],
                "pattern": data["api_pattern"],
                "source": data["pricing_urls"][0],
                "models": list(_rows(data)),
            }
        )
    table = {"through": "genai-prices, MIT licence", "providers": providers}
    text = json.dumps(table, indent=1)
    TABLE.write_text(_one_line_a_row(text) + "\n", encoding="utf-8")
    print(f"{sum(len(each['models']) for each in providers)} prices")


def _rows(data: dict[str, Any]) -> Iterator[dict[str, Any]]:
    newer = _newer(data["id"])
    for model in data["models"]:
        prices = model["prices"]
        if "prices_checked" not in model or not isinstance(prices, dict):
            continue
        each = prices.get("input_mtok"), prices.get("output_mtok")
        if not all(isinstance(price, (int, float)) and price > 0 for price in each):
            continue
        if newer.get(model["id"]) != each:
            continue
        if not any(part in model["id"] for part in OTHER_MEDIA):
            yield {
                "model": model["id"],
                "input": each[0],
                "output": each[1],
                "date": f"{model['prices_checked']}",
            }


def _newer(provider: str) -> dict[str, tuple[float, float]]:
    """Return the prices of a provider in the installed package, by model."""
    from decimal import Decimal

    from genai_prices.data import providers

    prices_by_model = {}
    for each in providers:
        if each.id == provider:
            for model in each.models:
                prices = model.prices
                if (
                    not isinstance(prices, list)
                    and isinstance(prices.input_mtok, Decimal)
                    and isinstance(prices.output_mtok, Decimal)
                ):
                    prices_by_model[model.id] = float(prices.input_mtok), float(prices.output_mtok)
    return prices_by_model


def _one_line_a_row(text: str) -> str:
    lines: list[str] = []
    depth = 0
    for line in text.splitlines():
        stripped = line.strip()
        if depth:
            lines[-1] += stripped if stripped[0] in "}]" else (" " if lines[-1][-1] in ",:" else "") + stripped
        else:
            lines.append(line)
        if (stripped == "{" and line.startswith(" " * 4)) or depth:
            depth += stripped.count("{") + stripped.count("[") - stripped.count("}") - stripped.count("]")
    return "\n".join(lines)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
