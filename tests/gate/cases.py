"""Cases for conditions, made of numbers: what a run would have, without a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any, cast

import attrs
import numpy as np

from llmops_sdk.gate.candidate import Chosen
from llmops_sdk.gate.conditions.condition import Case
from llmops_sdk.gate.evidence import DatasetEvidence, RunEvidence
from llmops_sdk.gate.references import Reference
from llmops_sdk.record.run import Run
from llmops_sdk.values.results import CellResult, EvaluatorInfo
from llmops_sdk.values.scores import Metric
from llmops_sdk.verdict.table import CellColumn, Kind, MetricColumn

ROUGE = Metric("rougeL", "ROUGE-L", bounds=(0.0, 1.0))
EXACT = Metric("exact", "Exact match", bounds=(0.0, 1.0))


def column_of(name: str, metric: Metric, scores: Any, without: Kind = Kind.MISSING) -> CellColumn:
    """A candidate with its scores, shape (records,) or (checkpoints, records); NaN is `without`."""
    numbers = np.array(scores, dtype=float)
    if numbers.ndim == 2:
        numbers = numbers[:, None, :]
    kinds = np.where(np.isnan(numbers), without, Kind.SCORED).astype(np.int8)
    records = numbers.shape[-1]
    result = CellResult(f"{name}.p.d", name, name, "p", False, records, records, {}, {}, None, None, {})
    return CellColumn(result, {metric.name: MetricColumn(numbers, kinds)})


def case_of(
    values: Mapping[str, Any],
    metric: Metric = ROUGE,
    *,
    candidate: str = "",
    rivals: Sequence[str] = (),
    without: Kind = Kind.MISSING,
    clusters: Any = None,
    checks: int = 1,
) -> Case:
    """What a condition is checked on.

    Args:
        values: Candidate to its scores.
        metric: The metric, which decides.
        candidate: The one that is judged; by default the first.
        rivals: Those that it was chosen among; by default itself.
        without: What NaN stands for.
        clusters: Labels of the records.
        checks: The number of checks of the gate.
    """
    candidate = candidate or next(iter(values))
    columns = {name: column_of(name, metric, scores, without) for name, scores in values.items()}
    records = next(iter(columns.values())).result.records
    labels = None if clusters is None else np.asarray(clusters)
    plan = SimpleNamespace(metric=metric.name)
    run = cast("Run", SimpleNamespace(plan=plan, id="run"))
    evidence = DatasetEvidence(run, "sales", columns, tuple(f"{place:016x}" for place in range(records)), labels)
    whole = RunEvidence(run, (evidence,), (EvaluatorInfo("evaluator", (metric,), {}),), {})

    def reference(evidence: DatasetEvidence, named: str, metric: str) -> Reference:
        return Reference(named, evidence.columns[named].scores[metric], np.arange(records), named)

    return Case(whole, evidence, Chosen(candidate, "named", tuple(rivals) or (candidate,)), checks, reference)


def with_failures(case: Case, count: int, metric: Metric = ROUGE) -> Case:
    """The case with that many failures of the candidate's own, on its first records."""
    name = case.chosen.candidate
    scores = case.evidence.columns[name].scores[metric.name]
    kinds, numbers = scores.kinds.copy(), scores.numbers.copy()
    kinds[..., :count], numbers[..., :count] = Kind.FAILED, np.nan
    column = CellColumn(case.evidence.columns[name].result, {metric.name: MetricColumn(numbers, kinds)})
    evidence = attrs.evolve(case.evidence, columns={**case.evidence.columns, name: column})
    return attrs.evolve(case, evidence=evidence)
