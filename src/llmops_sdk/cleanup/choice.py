"""Which runs the user wants to be freed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import attrs

from llmops_sdk.cleanup.contents import StoredRun
from llmops_sdk.errors import LLMOpsError, SpecError
from llmops_sdk.values.quantities import format_age, format_size


@attrs.frozen(kw_only=True)
class Choice:
    """Which runs are freed: those to which all of this applies. Without any of it, none: only what no run needs is freed.

    Attributes:
        runs: Their IDs; nothing else may be chosen then.
        older_than: Not worked on for this many seconds.
        keep_last: Not among this many newest runs of their pipeline.
        max_size: The oldest ones, until the store has at most this many bytes.
        failed: Without a result of any candidate: they failed, or were stopped.
    """

    runs: tuple[str, ...] = ()
    older_than: float | None = None
    keep_last: int | None = None
    max_size: int | None = None
    failed: bool = False

    def __attrs_post_init__(self) -> None:
        chosen = [value for value in (self.older_than, self.keep_last, self.max_size) if value is not None]
        if self.runs and (chosen or self.failed):
            message = "name the runs to be freed, or choose them by age, number, size or failure; not both"
            raise SpecError(message)
        if self.keep_last is not None and self.keep_last < 0:
            message = f"the number of runs to keep is 0 or more, not {self.keep_last}"
            raise SpecError(message)

    @property
    def is_empty(self) -> bool:
        """Whether no run is chosen."""
        return self == Choice()

    def candidates(self, runs: Sequence[StoredRun], now: float) -> Iterator[Candidate]:
        """Yield the runs that are chosen, the oldest first, as far as that does not depend on the size of the store.

        Args:
            runs: All runs of the store.
            now: In seconds since the epoch.
        """
        newest = self._newest(runs)
        for run in sorted(runs, key=_order):
            if run.is_freed:
                yield Candidate(run, "an earlier `llmops clean` was stopped while it freed it")
        for run in sorted(runs, key=_order):
            if run.is_freed:
                continue
            if self.runs:
                if run.id in self.runs:
                    yield Candidate(run, "named", is_named=True)
            elif not self.is_empty and run.metadata is not None and (reasons := self._reasons(run, newest, now)):
                yield Candidate(run, ", ".join(reasons))

    def _newest(self, runs: Sequence[StoredRun]) -> set[str]:
        """Return the runs that are among the newest of their pipeline."""
        of_pipeline: dict[str, list[str]] = {}
        for run in sorted(runs, key=_order, reverse=True):
            if run.metadata is not None:
                of_pipeline.setdefault(run.metadata.name, []).append(run.id)
        return {run_id for ids in of_pipeline.values() for run_id in ids[: self.keep_last or 0]}

    def _reasons(self, run: StoredRun, newest: set[str], now: float) -> list[str]:
        """Return why a run is chosen; nothing if a part of the choice does not apply to it."""
        reasons = []
        if self.older_than is not None:
            age = now - run.last_worked
            if age < self.older_than:
                return []
            reasons.append(f"{format_age(age)} old")
        if self.failed:
            if _has_result(run):
                return []
            reasons.append("no candidate has a result")
        if self.keep_last is not None:
            if run.id in newest:
                return []
            name = run.metadata.name if run.metadata else ""
            reasons.append(f"not among the newest {self.keep_last} of {name!r}" if self.keep_last else "all are chosen")
        if self.max_size is not None:
            reasons.append(f"among the oldest, to get down to {format_size(self.max_size)}")
        return reasons


@attrs.frozen
class Candidate:
    """A run that is chosen, and why.

    Attributes:
        run: The run.
        reason: Why it is chosen.
        is_named: Whether the user named it.
    """

    run: StoredRun
    reason: str
    is_named: bool = False


def _order(run: StoredRun) -> tuple[int, str, str]:
    return run.metadata.order if run.metadata else (0, "", run.id)


def _has_result(run: StoredRun) -> bool:
    if run.run is None:
        return True
    try:
        return run.run.has_results and any(board.cells for board in run.run.results().leaderboards)
    except LLMOpsError:
        return False
