"""The cards of the reporters plugin. Nothing heavy is imported here."""

from __future__ import annotations

from llmops_plugins.reporters.options import HtmlOptions
from llmops_sdk.plugin import ReporterCard, hookimpl


@hookimpl
def llmops_cards() -> tuple[ReporterCard, ...]:
    """Return the reporters."""
    return (
        ReporterCard(
            name="html",
            summary="one HTML page that needs no network: report.html in the run's record",
            load="llmops_plugins.reporters.html:HtmlReporter",
            options=HtmlOptions,
        ),
    )
