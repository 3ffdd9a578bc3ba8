"""What candidates and a run cost, as `run` and `show` print it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from llmops_sdk import Pipeline, Progress
from llmops_sdk.cli.output.run import show_run
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.testing import MemoryStore

from .lines import lines_of

if TYPE_CHECKING:
    import pytest

EXAMPLE = Path(__file__).parents[4] / "examples" / "cost" / "pipeline.yaml"


def test_a_run_shows_what_answers_and_a_month_cost(
    home: Path,  # noqa: ARG001 - nothing is cached outside the test
    registry: Registry,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By tokens and by the hour, and where they cross."""
    monkeypatch.setenv("COLUMNS", "200")
    result = Pipeline.from_yaml(EXAMPLE).run(store=MemoryStore(), registry=registry, progress=Progress(), offline=True)

    show_run(result.run)

    shown = lines_of(capsys)
    assert any(
        line.startswith("candidate training answers 1,000 answers a month at 5,000 requests a day") for line in shown
    )
    assert any(line.startswith("own - unknown 0.19 USD 28.80 USD") for line in shown), shown
    assert any(line.startswith("large (by tokens) costs less than own (by the hour) below about") for line in shown)
    assert any(line.startswith("cost of this run: expected 0 USD, spent 0 USD") for line in shown)
    assert not any(line.startswith("step expected spent") for line in shown)
    assert result.decision().notes[-1] in shown
