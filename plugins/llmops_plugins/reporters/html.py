"""The HTML report of a run."""

from __future__ import annotations

from pathlib import Path

from llmops_plugins.reporters.options import HtmlOptions
from llmops_sdk.plugin import Context, Reporter, Run, report_run


class HtmlReporter(Reporter):
    """Writes the report that `llmops report` shows."""

    options: HtmlOptions

    def report(self, context: Context, run: Run) -> None:
        report_run(run)
        if self.options.path:
            report_run(run, Path(self.options.path))
