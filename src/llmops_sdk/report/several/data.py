"""All that a report over several runs shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import attrs

from llmops_sdk.report.axes import Axis
from llmops_sdk.report.data import ReportData
from llmops_sdk.report.records.pages import DatasetRecords
from llmops_sdk.values.results import CellResult, FailedCell
from llmops_sdk.values.scores import Metric

AspectKind = Literal["data", "prompts", "generation", "evaluators", "verdict", "run"]


@attrs.frozen
class Aspect:
    """Something that runs can have in common, or not.

    Attributes:
        kind: What it is a part of.
        name: What it is called there: a dataset, an option.
        values: Of each run; empty where a run lacks it.
        is_same: Whether all runs have the same.
    """

    kind: AspectKind
    name: str
    values: tuple[str, ...]
    is_same: bool

    @property
    def label(self) -> str:
        """What a sentence calls it."""
        return self.name if self.kind in ("generation", "verdict", "run") else f"{self.kind} ({self.name})"


@attrs.frozen
class ReportedRun:
    """One of the runs.

    Attributes:
        letter: What the page calls it.
        data: Its own report.
    """

    letter: str
    data: ReportData


@attrs.frozen
class Candidate:
    """A candidate of one of the runs.

    Attributes:
        letter: The run.
        label: Its name on the page: that of the candidate, with the run.
        result: Its result, under this name.
    """

    letter: str
    label: str
    result: CellResult


@attrs.frozen(kw_only=True)
class SharedDataset:
    """A dataset, with the candidates of all runs that have records of it.

    Attributes:
        name: Its name; with several names in the runs, all of them.
        notes: What of the runs can be compared on it, and what cannot.
        candidates: Run by run, in the order of their leaderboards.
        failed: Those without a result.
        metrics: Those that a candidate has a number for.
        scales: Metric name to the common scale of the candidates' intervals.
        records: The records.
    """

    name: str
    notes: tuple[str, ...]
    candidates: tuple[Candidate, ...]
    failed: tuple[FailedCell, ...]
    metrics: tuple[Metric, ...]
    scales: Mapping[str, Axis]
    records: DatasetRecords


@attrs.frozen(kw_only=True)
class SeveralData:
    """All that the page shows.

    Attributes:
        runs: In the order in which they were named.
        aspects: What the runs have in common and what not.
        datasets: The datasets.
        colours: Candidate, by its label, to its colour.
        advice: What is to be known of verdicts over candidates of different runs.
        command: The command that makes one verdict over all of them; empty where they cannot be compared.
    """

    runs: tuple[ReportedRun, ...]
    aspects: tuple[Aspect, ...]
    datasets: tuple[SharedDataset, ...]
    colours: Mapping[str, int]
    advice: str
    command: str = ""

    @property
    def differing(self) -> tuple[Aspect, ...]:
        """What is not the same in all runs."""
        return tuple(aspect for aspect in self.aspects if not aspect.is_same)
