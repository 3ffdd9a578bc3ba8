"""The values of the artifacts that steps leave, beside their files. A data artifact holds `DatasetSplits`, a model `TrainedModel`."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from llmops_sdk.values.load import ModelLoad
from llmops_sdk.values.results import EvaluatorInfo, Leaderboard, Overall, Results
from llmops_sdk.values.scores import Metric


def of_repeat(name: str, repeat: int) -> str:
    """Return the name of an artifact in a step's record where each record is asked several times.

    >>> of_repeat("base.chat.sample", 0), of_repeat("base.chat.sample", 1)
    ('base.chat.sample', 'base.chat.sample:2')

    Args:
        name: The name of the first one.
        repeat: Which one it is, from 0.
    """
    return name if repeat == 0 else f"{name}:{repeat + 1}"


@attrs.frozen
class GenerationsValue:
    """What the artifact of a cell's generations holds beside `generations.jsonl`; that of its probes is alike.

    Attributes:
        records: Test records; of probes, questions.
        answered: Those the endpoint answered.
        pending: Those that failed for now; a later attempt asks them again.
        sha256: Of `generations.jsonl`.
        concurrency: Requests in flight at a time.
        seconds: Wall time of the asking in the last attempt.
        output_tokens: Of the last attempt, or None where the endpoint does not count them.
        endpoint: Details of the endpoint (device, dtype).
        not_asked: Questions that are left for later planned looks: the last ones of their order.
        endpoint_seconds: How long the endpoint was up for them, over all attempts: from its start, or the end of what it
            was asked before, to the last answer. None where nothing was deployed.
    """

    records: int
    answered: int
    pending: int
    sha256: str
    concurrency: int
    seconds: float
    output_tokens: int | None
    endpoint: Mapping[str, str]
    not_asked: int = 0
    endpoint_seconds: float | None = None


@attrs.frozen
class ScoresValue:
    """What the artifact of an evaluator's scores of a cell holds beside `scores.jsonl`.

    Attributes:
        scored: Answers with scores.
        unscored: Answers that cannot be scored.
        pending: Answers whose score failed for now; a later attempt scores them again.
        sha256: Of `scores.jsonl`.
        metrics: The evaluator's metrics.
        provenance: What the numbers rest on: versions, the true model and its hash.
    """

    scored: int
    unscored: int
    pending: int
    sha256: str
    metrics: tuple[Metric, ...]
    provenance: Mapping[str, str]


@attrs.frozen
class SamplesValue:
    """What the artifact of a cell's samples holds beside `samples.jsonl`.

    Attributes:
        records: Test records.
    """

    records: int


@attrs.frozen
class LookValue:
    """What the artifact of a planned look holds; it has no files.

    Attributes:
        stopped: The cells that are asked no more, with the look at which they stopped: this one or an earlier one.
    """

    stopped: Mapping[str, int]


@attrs.frozen
class ResultsValue:
    """What the artifact of the conclusions holds; it has no files.

    Attributes:
        leaderboards: One per dataset.
        evaluators: As they were used.
        overall: The verdict over all datasets, or None.
        retention: That on the dataset of `retention`, or None.
        loads: How fast endpoints were under load.
    """

    leaderboards: tuple[Leaderboard, ...]
    evaluators: tuple[EvaluatorInfo, ...]
    overall: Overall | None = None
    retention: Leaderboard | None = None
    loads: tuple[ModelLoad, ...] = ()

    def of_run(self, run_id: str, name: str) -> Results:
        """Return them as the results of a run.

        Args:
            run_id: The run.
            name: The name of its pipeline.
        """
        return Results(run_id, name, **{field.name: getattr(self, field.name) for field in attrs.fields(type(self))})
