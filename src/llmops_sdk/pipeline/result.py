"""`Result`: what a run gives back."""

from __future__ import annotations

from pathlib import Path

from llmops_sdk.errors import SpecError
from llmops_sdk.plugin.stores import open_store
from llmops_sdk.record.runs import Run
from llmops_sdk.record.stores import DEFAULT_STORE, Store
from llmops_sdk.report.collect import report_run
from llmops_sdk.values.results import FailedCell, Leaderboard, Results, Verdict


class Result:
    """What a run concluded.

    Attributes:
        run: Its record.
    """

    def __init__(self, run: Run) -> None:
        self.run = run

    def __repr__(self) -> str:
        return f"Result({self.run.id!r})"

    @property
    def results(self) -> Results:
        """All conclusions."""
        return self.run.results()

    @property
    def leaderboards(self) -> tuple[Leaderboard, ...]:
        """The candidates on each dataset, best first."""
        return self.results.leaderboards

    @property
    def failures(self) -> tuple[FailedCell, ...]:
        """The cells without a result, with the step that failed and why."""
        return tuple(cell for board in self.leaderboards for cell in board.failed)

    def decision(self, dataset: str = "") -> Verdict:
        """Return who is best, who is tied with it, and in which words that may be said.

        Args:
            dataset: Which dataset's; may be left out where there is one only.

        Raises:
            SpecError: There are several datasets, or none of that name.
        """
        boards = {board.dataset: board for board in self.leaderboards}
        if not dataset and len(boards) == 1:
            return next(iter(boards.values())).verdict
        if dataset not in boards:
            message = f"a decision is made for one dataset; name one of: {', '.join(boards)}"
            raise SpecError(message)
        return boards[dataset].verdict

    def report(self, path: Path | str) -> Path:
        """Write the report, one HTML file that needs no network, and return its path."""
        return Path(report_run(self.run, Path(path)))


def load(run_id: str = "latest", *, store: Store | Path | str = DEFAULT_STORE) -> Result:
    """Open the result of a run.

    Args:
        run_id: The run: its ID, a unique prefix of it, or `latest`.
        store: Where runs are kept: a folder, a URI such as `s3://bucket/prefix`, or a `Store`.

    Raises:
        RunNotFoundError: The store has no such run.
    """
    opened = store if isinstance(store, Store) else open_store(str(store))
    return Result(Run.open(opened, run_id))
