"""The HTML report of a run."""

from __future__ import annotations

from llmops_plugins.reporters.destination import new_file
from llmops_plugins.reporters.options import HtmlOptions
from llmops_sdk.plugin import Context, Reporter, Run, report_run

_PAGE = "report.html"


class HtmlReporter(Reporter):
    """Writes the report that `llmops report` shows."""

    options: HtmlOptions

    def report(self, context: Context, run: Run) -> None:
        report_run(run)
        if self.options.path:
            with new_file(context, run, self.options.path, _PAGE) as draft:
                draft.write_bytes(run.read(_PAGE) or b"")
