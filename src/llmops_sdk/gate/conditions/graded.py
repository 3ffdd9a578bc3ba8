"""Conditions on a metric that people graded: they rest on the means that the grades correct, as the verdict does.

A baseline file has no grades, so a condition that compares with one rests on the scores alone, and the answer notes it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from llmops_sdk.gate.conditions.condition import Case, Finding
from llmops_sdk.gate.evidence import DatasetEvidence, RunEvidence
from llmops_sdk.values.scores import Metric
from llmops_sdk.verdict.grading.correction import Correction
from llmops_sdk.verdict.grading.graded import GradedTable, graded_table, with_unseen_errors
from llmops_sdk.verdict.statistics.comparison import FEWEST_CLUSTERS, FEWEST_RECORDS, MANY_MISSING

if TYPE_CHECKING:
    from numpy.typing import NDArray


@attrs.frozen(eq=False)
class GradedFinding:
    """What the corrected numbers of a condition show.

    Attributes:
        finding: The finding.
        records: The number of records that the judge scored for every candidate.
        words: What the numbers rest on.
    """

    finding: Finding
    records: int
    words: str


def is_graded(run: RunEvidence, evidence: DatasetEvidence, metric: str) -> bool:
    """Whether people graded answers to a dataset in the place of a metric."""
    return run.grades is not None and run.grades.metric == metric and evidence.dataset in run.grades.offered


def find_mean(case: Case, metric: Metric, limit: float, *, is_least: bool) -> GradedFinding | None:
    """Return what the candidate's corrected mean shows; None where nobody graded, or it has no score.

    Args:
        case: What is checked.
        metric: The metric.
        limit: The limit of the mean.
        is_least: Whether the mean must be above it.
    """
    graded = _graded(case, metric)
    if graded is None or case.chosen.candidate not in graded.names:
        return None
    correction, row = graded.correct(), graded.names.index(case.chosen.candidate)
    mean, rivals = with_unseen_errors(correction.means[row], graded.gaps()[row], graded.width), len(case.rivals)
    go, no_go = case.go_level / rivals, case.no_go_level / rivals
    low = mean.interval_within(metric.bounds, 1 - 2 * (go if is_least else no_go)).low
    high = mean.interval_within(metric.bounds, 1 - 2 * (no_go if is_least else go)).high
    above = low is not None and (low >= limit if is_least else low > limit)
    below = high is not None and (high < limit if is_least else high <= limit)
    holds, broken = (above, below) if is_least else (below, above)
    return _found(graded, correction, [row], Finding(mean.value, low, high, holds=holds, broken=broken))


def find_difference(case: Case, metric: Metric, versus: str, margin: float) -> GradedFinding | None:
    """Return what the corrected difference from another candidate of the run shows; None as above.

    Args:
        case: What is checked.
        metric: The metric.
        versus: The other candidate.
        margin: The difference that does not matter.
    """
    graded = _graded(case, metric)
    if graded is None or not {case.chosen.candidate, versus} <= set(graded.names):
        return None
    correction, sign = graded.correct(), graded.table.sign
    row, other = graded.names.index(case.chosen.candidate), graded.names.index(versus)
    difference = correction.pair(row, other).difference
    gaps = graded.gaps()
    difference = with_unseen_errors(difference, gaps[row] - gaps[other], graded.width)
    difference = attrs.evolve(difference, value=sign * difference.value)
    rivals = len([name for name in case.rivals if name != versus])
    low = difference.interval(1 - 2 * case.go_level / rivals).low
    high = difference.interval(1 - 2 * case.no_go_level / rivals).high
    holds, broken = low is not None and low > -margin, high is not None and high < -margin
    mean = difference.value
    if sign < 0:
        mean, low, high = -mean, None if high is None else -high, None if low is None else -low
    return _found(graded, correction, [row, other], Finding(mean, low, high, holds=holds, broken=broken))


def with_basis(text: str, graded: GradedFinding | None) -> str:
    """Return the words of a check, with what corrected numbers rest on."""
    return f"{text}; {graded.words}" if graded else text


def _graded(case: Case, metric: Metric) -> GradedTable | None:
    grades, evidence = case.run.grades, case.evidence
    if grades is None or not is_graded(case.run, evidence, metric.name):
        return None
    return graded_table(evidence.dataset, tuple(evidence.columns.values()), metric, grades, evidence.clusters)


def _found(graded: GradedTable, correction: Correction, rows: list[int], finding: Finding) -> GradedFinding:
    import numpy as np

    values: NDArray[Any] = graded.table.values
    groups = min(correction.means[row].groups for row in rows)
    problem = ""
    if correction.graded < FEWEST_RECORDS or groups < FEWEST_CLUSTERS:
        problem = f"people graded every candidate on {correction.graded} of them only, and it takes {FEWEST_RECORDS}"
    elif any(np.isnan(values[row]).mean() > MANY_MISSING for row in rows):
        problem = "many scores are missing, and grades cannot stand for them"
    measured = finding.measured if correction.graded else None
    return GradedFinding(
        attrs.evolve(finding, measured=measured, problem=problem),
        correction.graded + correction.others,
        f"corrected with people's grades on {correction.graded} records",
    )
