"""The kit as a plugin: its cards work together."""

from __future__ import annotations

from pathlib import Path

import llmops_sdk.testing
from llmops_sdk import Pipeline, Progress, Registry


def test_the_cards_of_the_kit_make_a_run(registry: Registry, tmp_path: Path) -> None:
    """Dataset, prompt, model, trainer, deployer and both evaluators."""
    pipeline = (
        Pipeline.builder("kit")
        .with_dataset("lines", records=6)
        .with_prompt("bare")
        .with_model("echo", name="loud", fine_tune=False)
        .with_model("echo", name="quiet", trainer={"voice": "quiet"})
        .with_evaluator("echo-score")
        .with_evaluator("echo-probes", likelihood=True)
    )

    result = pipeline.run(store=tmp_path, registry=registry, progress=Progress())

    cells = {cell.candidate: cell for cell in result.leaderboards[0].cells}
    assert (1.0, 0.0) == (cells["loud"].estimates["exact"].mean, cells["quiet"].estimates["exact"].mean)
    assert 1.0 == cells["loud"].estimates["steady"].mean
    assert "likelihood" in cells["quiet"].estimates


def test_every_implementation_of_the_kit_can_be_loaded() -> None:
    """Its cards name classes that exist."""
    registry = Registry()
    registry.add("testing", llmops_sdk.testing)

    assert "" == registry.plugins[0].problem
    for offer in registry.offers():
        if offer.card.kind != "model":
            assert registry.implementation(offer).__name__ in llmops_sdk.testing.__all__
