"""Baseline files: the scores of one candidate by the hashes of the records, small enough to be committed.

    {
      "schema": 1,
      "candidate": "tuned",
      "metrics": ["rougeL"],
      "prompt": {"name": "chat", "key": "8a0c..."},
      "generation": {"max_new_tokens": 64, ...},
      "evaluators": {"summarization-accuracy": {"use": ..., "key": ..., "provenance": {...}, "metrics": ["rougeL"]}},
      "datasets": {
        "sales": {
          "00a1f3...": [0.412],
          ...

Records are sorted by their hashes, one a line; a file holds no text of a record or an answer, no time and no ID of a run, so
it changes only where a score does. A score is a number, `"failed"` (the candidate has no usable answer), `"undefined"`
(the metric has no value of the record) or null (missing); of a recipe, a list with one for each checkpoint.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Union

import attrs

from llmops_sdk.errors import DataError
from llmops_sdk.gate.evidence import DatasetEvidence
from llmops_sdk.gate.files import read_text, write_text
from llmops_sdk.gate.identity import EvaluatorIdentity, Identity
from llmops_sdk.values.scores import Metric
from llmops_sdk.verdict.table import CellColumn, Kind, MetricColumn

if TYPE_CHECKING:
    from numpy.typing import NDArray

BASELINE_SCHEMA = 1

WRITE_AGAIN = "write it again with: llmops gate RUN --update"
"""What to do about a baseline that cannot be used."""

FAILED, UNDEFINED = "failed", "undefined"

Score = Union[float, str, None]
"""What a file has of one record of one checkpoint in one metric."""

_KINDS = {FAILED: Kind.FAILED, UNDEFINED: Kind.UNDEFINED, None: Kind.MISSING}


@attrs.frozen
class Baseline:
    """A baseline.

    Attributes:
        candidate: The candidate whose scores these are.
        identity: How it was asked and scored; it names the metrics.
        metrics: The names of the metrics, in the order of the scores.
        datasets: Dataset name to the records: hash to the scores in each metric, one for each checkpoint.
    """

    candidate: str
    identity: Identity
    metrics: tuple[str, ...]
    datasets: Mapping[str, Mapping[str, tuple[tuple[Score, ...], ...]]]

    @property
    def records(self) -> int:
        """The number of records on all datasets."""
        return sum(map(len, self.datasets.values()))

    @property
    def missing(self) -> int:
        """The number of scores that are missing."""
        rows = (row for records in self.datasets.values() for row in records.values())
        return sum(scores.count(None) for row in rows for scores in row)

    def column(self, dataset: str, metric: str, hashes: Sequence[str]) -> MetricColumn:
        """Return the scores in a metric of some records, which the baseline has, in their order."""
        import numpy as np

        records, place = self.datasets[dataset], self.metrics.index(metric)
        scores = [records[name][place] for name in hashes]
        numbers = np.array([[each if isinstance(each, float) else math.nan for each in row] for row in scores]).T
        kinds = np.array(
            [[Kind.SCORED if isinstance(each, float) else _KINDS[each] for each in row] for row in scores],
            dtype=np.int8,
        ).T
        return MetricColumn(numbers[:, None, :], kinds[:, None, :])


def make_baseline(
    candidate: str, identity: Identity, datasets: Sequence[DatasetEvidence], metrics: Mapping[str, Metric]
) -> Baseline:
    """Return a candidate of a run as a baseline.

    Args:
        candidate: The candidate.
        identity: How it was asked and scored.
        datasets: What the run has of it.
        metrics: The metrics, by name.
    """
    return Baseline(
        candidate,
        identity,
        tuple(sorted(metrics)),
        {each.dataset: _records(each, each.columns[candidate], metrics) for each in datasets},
    )


def write_baseline(baseline: Baseline, path: Path) -> None:
    """Write a baseline, by rename."""
    write_text(path, "".join(_lines(baseline)))


def read_baseline(path: Path) -> Baseline:
    """Read a baseline.

    Raises:
        DataError: There is none, it is no baseline, or another version wrote it.
    """
    shown = repr(str(path))
    text = read_text(path, "the baseline", "write one with: llmops gate RUN --update")
    try:
        data = json.loads(text, parse_int=float, parse_constant=_refuse)
        schema = data.pop("schema")
    except (ValueError, RecursionError, KeyError, AttributeError, TypeError):
        message = f"{shown} is not a baseline that llmops gate wrote; {WRITE_AGAIN}"
        raise DataError(message) from None
    if schema != BASELINE_SCHEMA:
        written = f"{schema:g}" if isinstance(schema, float) else repr(schema)
        message = f"the baseline {shown} has schema {written}; this version of llmops-sdk reads {BASELINE_SCHEMA}; {WRITE_AGAIN}"
        raise DataError(message)
    try:
        return _from_data(data)
    except (KeyError, TypeError, ValueError, AttributeError) as exc:
        message = f"the baseline {shown} is damaged ({_problem(exc)}); {WRITE_AGAIN}"
        raise DataError(message) from exc


# -- to a file ------------------------------------------------------------------------------------


def _records(
    evidence: DatasetEvidence, column: CellColumn, metrics: Mapping[str, Metric]
) -> dict[str, tuple[tuple[Score, ...], ...]]:
    by_metric = [_scores(column.scores[name], metrics[name]) for name in sorted(metrics)]
    rows = zip(*by_metric, strict=True)
    return dict(sorted(zip(evidence.hashes, rows, strict=True)))


def _scores(column: MetricColumn, metric: Metric) -> list[tuple[Score, ...]]:
    """Return the score of each record, one for each checkpoint: the mean of its answers."""
    values = column.by_checkpoint(metric.worst)
    checkpoints = [_of_checkpoint(values[place], column.kinds[place]) for place in range(len(values))]
    return list(zip(*checkpoints, strict=True))


def _of_checkpoint(values: NDArray[Any], kinds: NDArray[Any]) -> Iterator[Score]:
    """Yield the score of each record.

    Args:
        values: Shape (records,), the means of the answers, failures at the worst score.
        kinds: Shape (repeats, records).
    """
    undefined, missing = (kinds == Kind.UNDEFINED).any(axis=0), (kinds == Kind.MISSING).any(axis=0)
    all_failed, failed = (kinds == Kind.FAILED).all(axis=0), (kinds == Kind.FAILED).any(axis=0)
    for place, value in enumerate(values.tolist()):
        if undefined[place]:
            yield UNDEFINED
        elif missing[place]:
            yield None
        elif all_failed[place] or (failed[place] and math.isnan(value)):
            yield FAILED
        else:
            yield value


def _lines(baseline: Baseline) -> Iterator[str]:
    identity = baseline.identity
    head = {
        "schema": BASELINE_SCHEMA,
        "candidate": baseline.candidate,
        "metrics": list(baseline.metrics),
        "prompt": {"name": identity.prompt, "key": identity.prompt_key},
        "generation": dict(identity.generation),
        "evaluators": {
            name: {
                **{field: value for field, value in attrs.asdict(evaluator).items() if value},
                "metrics": sorted(metric for metric, owner in identity.metrics.items() if owner == name),
            }
            for name, evaluator in sorted(identity.evaluators.items())
        },
    }
    yield json.dumps(head, indent=2, ensure_ascii=False).removesuffix("\n}")
    yield ',\n  "datasets": {'
    for number, (dataset, records) in enumerate(sorted(baseline.datasets.items())):
        yield f"{',' if number else ''}\n    {json.dumps(dataset, ensure_ascii=False)}: {{"
        for place, (name, scores) in enumerate(records.items()):
            plain = [_plain(each) for each in scores]
            yield f"{',' if place else ''}\n      {json.dumps(name)}: {json.dumps(plain)}"
        yield "\n    }"
    yield "\n  }\n}\n"


def _plain(scores: tuple[Score, ...]) -> Any:
    """Return the scores of a record in one metric as JSON: whole numbers without a decimal point, one without a list."""
    numbers = [int(each) if isinstance(each, float) and each == int(each) else each for each in scores]
    return numbers[0] if len(numbers) == 1 else numbers


# -- from a file ----------------------------------------------------------------------------------


def _from_data(data: Mapping[str, Any]) -> Baseline:
    metrics = tuple(str(name) for name in data["metrics"])
    evaluators: dict[str, EvaluatorIdentity] = {}
    of_metric: dict[str, str] = {}
    for name, fields in data["evaluators"].items():
        own = dict(fields)
        of_metric |= dict.fromkeys(own.pop("metrics"), name)
        evaluators[name] = EvaluatorIdentity(**own)
    identity = Identity(
        data["prompt"]["name"], data["prompt"]["key"], _with_ints(data["generation"]), evaluators, of_metric
    )
    for metric in metrics:
        if metric not in of_metric:
            message = f"no evaluator has the metric {metric!r}"
            raise ValueError(message)
    datasets = {
        dataset: {name: _row(name, row, len(metrics)) for name, row in records.items()}
        for dataset, records in data["datasets"].items()
    }
    if len({len(each) for records in datasets.values() for row in records.values() for each in row}) > 1:
        message = "its records have different numbers of checkpoints"
        raise ValueError(message)
    return Baseline(str(data["candidate"]), identity, metrics, datasets)


def _row(name: str, row: Any, metrics: int) -> tuple[tuple[Score, ...], ...]:
    scores = tuple(tuple(each) if isinstance(each, list) else (each,) for each in row)
    known = all(isinstance(each, float) or each in _KINDS for of_metric in scores for each in of_metric)
    if len(scores) != metrics or not known or not all(scores):
        message = f"record {name!r} has the scores {json.dumps(row)[:60]}"
        raise ValueError(message)
    return scores


def _with_ints(value: Any) -> Any:
    """Return JSON data with whole numbers as such again; scores alone are read as floats."""
    if isinstance(value, dict):
        return {name: _with_ints(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_with_ints(each) for each in value]
    return int(value) if isinstance(value, float) and value == int(value) else value


def _refuse(constant: str) -> float:
    message = f"a score is {constant}"
    raise ValueError(message)


def _problem(exc: Exception) -> str:
    return f"{exc} is missing" if isinstance(exc, KeyError) else " ".join(str(exc).split())
