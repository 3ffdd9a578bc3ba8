"""The cards of the reporters plugin."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmops_sdk import Registry, Result
from llmops_sdk.plugin import ReporterCard
from llmops_sdk.values.plan import DEFAULT_REPORTER

from .conftest import Report


def test_the_default_reporter_is_offered() -> None:
    """A pipeline that names no reporter needs it; it can be used with its default options."""
    registry = Registry.load()

    assert registry.card(ReporterCard, DEFAULT_REPORTER.use)
    assert registry.make("reporter", DEFAULT_REPORTER.use, DEFAULT_REPORTER.options)


@pytest.mark.parametrize("name", ["html", "table", "model-card", "lm-eval", "every-eval-ever"])
def test_by_default_a_reporter_writes_into_the_record(result: Result, report: Report, name: str) -> None:
    """Nothing is written to the working directory."""
    before = set(result.run.store.list(f"runs/{result.run.id}/"))

    report(result.run, name)

    written = set(result.run.store.list(f"runs/{result.run.id}/"))
    assert written - before or name == "html"
    assert [] == list(Path.cwd().iterdir())
