"""A run with a budget."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmops_sdk import Pipeline, Run
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.testing import MemoryStore


@pytest.fixture(name="run")
def _run(home: Path, registry: Registry, tmp_path: Path) -> Run:  # noqa: ARG001 - nothing is cached outside the test
    """A run with a budget of 3 dollars."""
    prices = tmp_path / "prices.yaml"
    prices.write_text("currency: USD\ntokens: {echo: {input: 1, output: 1}}\n")
    pipeline = Pipeline.builder("p").with_dataset("lines").with_prompt("bare").with_evaluator("echo-score")
    pipeline = pipeline.with_model("echo", fine_tune=False).with_costs(prices=prices, budget_usd=3)
    return Run.create(MemoryStore(), pipeline.build(registry))
