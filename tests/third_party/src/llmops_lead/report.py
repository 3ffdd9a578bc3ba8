"""Reports a run in one line of text."""

from __future__ import annotations

from llmops_sdk.plugin import Context, Reporter, Run


class Headline(Reporter):
    """Writes `headline.txt` into the run's record."""

    def report(self, context: Context, run: Run) -> None:
        """Write the verdict of each dataset, after the greeting of the settings."""
        lines = [f"{board.dataset}: {board.verdict.text}" for board in run.results().leaderboards]
        greeting = context.settings.get("greeting", "")
        run.put("headline.txt", "\n".join(filter(None, (greeting, *lines))).encode())
        context.log.info("%s has a headline", run.id)
