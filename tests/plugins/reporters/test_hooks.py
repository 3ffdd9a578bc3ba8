"""The cards of the reporters plugin."""

from __future__ import annotations

from llmops_sdk import Registry
from llmops_sdk.plugin import ReporterCard
from llmops_sdk.values.plan import DEFAULT_REPORTER


def test_the_default_reporter_is_offered() -> None:
    """A pipeline that names no reporter needs it; it can be used with its default options."""
    registry = Registry.load()

    assert registry.card(ReporterCard, DEFAULT_REPORTER.use)
    assert registry.make("reporter", DEFAULT_REPORTER.use, DEFAULT_REPORTER.options)
