"""`Result`: what a run returns."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from llmops_sdk.errors import LLMOpsError, SpecError, did_you_mean
from llmops_sdk.explain.explanation import Explanation, explain_step
from llmops_sdk.notebook import Shown
from llmops_sdk.pipeline.reporting import report_as
from llmops_sdk.pipeline.summary import summarize
from llmops_sdk.plugin.stores import open_store
from llmops_sdk.progress import progress_for
from llmops_sdk.record.run import Run
from llmops_sdk.record.stores import DEFAULT_STORE, Store
from llmops_sdk.report.collect import report_run
from llmops_sdk.report.several.collect import report_runs
from llmops_sdk.report.tables import arrow
from llmops_sdk.steps.runtime import Runtime
from llmops_sdk.values.boards import all_boards
from llmops_sdk.values.names import check_seed
from llmops_sdk.values.results import FailedCell, Leaderboard, Results, Verdict
from llmops_sdk.values.samples import Sample


class Result(Shown):
    """What a run concluded; `repr` shows its leaderboards and verdicts.

    Attributes:
        run: The record of the run.
    """

    def __init__(self, run: Run) -> None:
        self.run = run

    def __repr__(self) -> str:
        try:
            return summarize(self.run)
        except LLMOpsError as exc:  # `repr` must not raise
            return f"run {self.run.id}: {exc}"

    @property
    def results(self) -> Results:
        """All conclusions.

        Raises:
            RunNotFoundError: The run has no results yet.
        """
        return self.run.results()

    @property
    def leaderboards(self) -> tuple[Leaderboard, ...]:
        """The candidates on each dataset, best first."""
        return self.results.leaderboards

    @property
    def failures(self) -> tuple[FailedCell, ...]:
        """The candidates without a result on a dataset, each with the step that failed and why."""
        return tuple(cell for board in all_boards(self.results) for cell in board.failed)

    def decision(self, dataset: str = "") -> Verdict:
        """Return which candidate is best, and which are tied with it.

        Args:
            dataset: The name of the dataset. If omitted, the verdict is the one over all datasets, where the specification
                states their weights; otherwise that on the only dataset.

        Raises:
            SpecError: The run has several datasets without weights and none was named, or none of this name.
        """
        overall = self.results.overall
        if not dataset and overall is not None:
            return overall.verdict
        return self._board(dataset).verdict

    def records(self, candidate: str = "", dataset: str = "", *, seed: int | None = None) -> Iterator[Sample]:
        """Yield every test record with a candidate's prompt, answer and scores, in the order of the test split.

        Args:
            candidate: The name of the candidate; may be omitted if only one has results on the dataset.
            dataset: The name of the dataset; may be omitted if the run has only one.
            seed: The seed of the checkpoint, of a candidate that was trained with several.

        Raises:
            SpecError: A name or the seed is unknown, or one of several must be chosen; or the candidate failed on the
                dataset.
        """
        board = self._board(dataset)
        cells = {cell.candidate: cell for cell in board.cells}
        failed = {cell.candidate: cell for cell in board.failed}
        if not candidate and len(cells) == 1:
            (candidate,) = cells
        if candidate in failed and candidate not in cells:
            message = (
                f"candidate {candidate!r} on {board.dataset!r} has no records: step {failed[candidate].step!r} failed"
            )
            raise SpecError(message)
        if not candidate:
            message = f"name a candidate: {', '.join(cells)}"
            raise SpecError(message)
        if candidate not in cells:
            message = f"there is no candidate {candidate!r} on {board.dataset!r}{did_you_mean(candidate, cells)}"
            raise SpecError(message)
        parts = {part.seed: part.cell for part in cells[candidate].parts}
        check_seed(seed, parts, f"candidate {candidate!r} on {board.dataset!r}")
        return self.run.samples(parts[seed])

    def report(self, path: Path | str, *others: Result) -> Path:
        """Write the report, one HTML file that needs no network, and return its path.

        Args:
            path: The file.
            others: The results of other runs, for one report over all of them.
        """
        if others:
            return Path(report_runs([self.run, *(other.run for other in others)], Path(path)))
        return Path(report_run(self.run, Path(path)))

    def report_as(self, reporter: str, **options: Any) -> None:
        """Call a reporter, as `llmops report RUN --as REPORTER` does: `result.report_as("table", path="scores.parquet")`.

        Args:
            reporter: One of the run's own, which then has the options that the run gives it; or any other.
            options: Its options.

        Raises:
            SpecError: There is no such reporter or option.
            UserError: What the reporter raised.
        """
        with progress_for() as progress:
            report_as(self.run, reporter, options, Runtime.of_this_process(progress))

    def to_arrow(self) -> Any:
        """Return a `pyarrow.Table` with every answer as a row: its record and candidate, its texts, and a column for each metric.

        The columns are those of the reporter `table` with the metrics side by side, and what was asked (`question`) and
        expected (`reference`). Repeats and seeds are rows of their own.

        Raises:
            MissingExtraError: pyarrow is not installed; the message has the command to type.
        """
        return arrow.to_arrow(self.run)

    def to_pandas(self) -> Any:
        """Return the table of `to_arrow` as a `pandas.DataFrame`.

        Raises:
            MissingExtraError: pyarrow or pandas is not installed; the message has the command to type.
        """
        return arrow.to_pandas(self.run)

    def explain(self, step: str) -> Explanation:
        """Return why a step ran or was reused, and which of its inputs changed; printed, it is in plain sentences.

        Args:
            step: The name of the step (`generate.base`); `result.run.plan.steps` has all of them.

        Raises:
            SpecError: The run has no such step.
        """
        return explain_step(self.run, step)

    def _board(self, dataset: str) -> Leaderboard:
        boards = {board.dataset: board for board in all_boards(self.results)}
        if not dataset and len(self.leaderboards) == 1:
            dataset = self.leaderboards[0].dataset
        if not dataset:
            message = f"name a dataset: {', '.join(boards)}"
            raise SpecError(message)
        if dataset not in boards:
            message = f"there is no dataset {dataset!r} in this run{did_you_mean(dataset, boards)}"
            raise SpecError(message)
        return boards[dataset]


def load(run_id: str = "latest", *, store: Store | Path | str = DEFAULT_STORE) -> Result:
    """Open the result of a run.

    Args:
        run_id: The run: its ID, a unique prefix of it, or `latest`.
        store: Where runs are stored: a folder, a URI such as `s3://bucket/prefix`, or a `Store`.

    Raises:
        RunNotFoundError: The store has no such run.
    """
    opened = store if isinstance(store, Store) else open_store(str(store))
    return Result(Run.open(opened, run_id))
