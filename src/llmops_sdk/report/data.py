"""All that a report shows, gathered from a run record."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

import attrs

from llmops_sdk.report.records.kept import KeptRecords
from llmops_sdk.values.results import Results
from llmops_sdk.values.samples import Sample

MOST_BYTES = 40_000_000
"""Bytes of a report that records take; a report leaves out those beyond, and states how many it shows."""

StepStatus = Literal["succeeded", "cached", "failed", "skipped", "pending"]


@attrs.frozen
class DatasetInfo:
    """A dataset as the run used it.

    Attributes:
        name: Its name in the specification.
        source: Where it came from (path, hub id, commit).
        train: Records in the train split.
        test: Records in the test split.
    """

    name: str
    source: Mapping[str, str]
    train: int
    test: int


@attrs.frozen
class StepInfo:
    """What became of a step.

    Attributes:
        name: The step.
        kind: `prepare`, `train`, `generate`, `score` or `compare`.
        status: `cached` where all of it had been made before, `skipped` where an earlier step failed.
        seconds: How long it took, or None where it did not run.
        error: One line, or empty.
        reason: Why it was reused or done again, or empty.
    """

    name: str
    kind: str
    status: StepStatus
    seconds: float | None = None
    error: str = ""
    reason: str = ""


@attrs.frozen(kw_only=True)
class ReportData:
    """All that a report shows.

    Attributes:
        results: What the run concluded.
        metadata: What ran, as people should read it: run, started, executor, version, plan.
        specification: YAML text.
        datasets: In the order of the specification.
        prompts: Prompt name to the template's text.
        generation: How the candidates wrote.
        varies: Model name to its exceptions from that.
        steps: In the order of the plan.
        samples: Cell name to its samples, in the order of the test split; they are read as a stream, once for each page.
        kept: The records as they were packed for an earlier report; None packs them again.
    """

    results: Results
    metadata: Mapping[str, str] = attrs.field(factory=dict)
    specification: str = ""
    datasets: tuple[DatasetInfo, ...] = ()
    prompts: Mapping[str, str] = attrs.field(factory=dict)
    generation: Mapping[str, str] = attrs.field(factory=dict)
    varies: Mapping[str, str] = attrs.field(factory=dict)
    steps: tuple[StepInfo, ...] = ()
    samples: Mapping[str, Iterable[Sample]] = attrs.field(factory=dict)
    kept: KeptRecords | None = None
