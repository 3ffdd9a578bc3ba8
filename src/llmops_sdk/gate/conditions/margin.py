"""`not_worse_than`: a candidate is no worse than another one, or than a baseline file, by more than a margin.

It is the test of the verdict against its baseline, on the records that both have: sign flips of the paired differences by
cluster, inverted to bounds, or the test of recipes where one of the two has training seeds. It holds where the lower bound
lies above minus the margin, and is broken where the upper bound lies below it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import attrs

from llmops_sdk.errors import SpecError
from llmops_sdk.gate.conditions.condition import Case, Condition, Finding, metric_of, positive
from llmops_sdk.gate.conditions.graded import find_difference, with_basis
from llmops_sdk.gate.outcome import Check, Numbers, Outcome
from llmops_sdk.gate.references import Reference
from llmops_sdk.values.results import CellResult
from llmops_sdk.values.scores import Metric
from llmops_sdk.verdict.baseline import find_problem, margin_tests
from llmops_sdk.verdict.statistics.checkpoints import CheckpointScores
from llmops_sdk.verdict.statistics.comparison import FEWEST_RECORDS, MANY_MISSING
from llmops_sdk.verdict.statistics.margins import MarginTest
from llmops_sdk.verdict.statistics.sample_size import deviation_of, needed_for_limit
from llmops_sdk.verdict.table import CellColumn, MetricColumn, MetricTable, make_table

if TYPE_CHECKING:
    from numpy.typing import NDArray


@attrs.frozen
class NotWorseThan(Condition):
    """No worse than a candidate of the run, or a baseline file, by more than a margin.

    Attributes:
        not_worse_than: The candidate, or the file.
        margin: The difference that does not matter, in the metric's unit.
    """

    KEY: ClassVar[str] = "not_worse_than"

    not_worse_than: str
    margin: float = attrs.field(validator=positive("the difference that does not matter, in the metric's unit"))

    @property
    def text(self) -> str:
        return f"no worse than {self.not_worse_than} by more than {self.margin:g}"

    def check_names(self, metrics: Mapping[str, Metric]) -> None:
        metric = metrics[self.subject]
        if metric.higher_is_better is None:
            message = f"{self.subject} has no better end, so no candidate can be worse in it: use at_least or at_most"
            raise SpecError(message)
        if metric.bounds is not None and self.margin >= metric.bounds[1] - metric.bounds[0]:
            low, high = metric.bounds
            message = f"{self.subject}: margin {self.margin:g} leaves nothing to show: {self.subject} lies between {low:g} and {high:g}"
            raise SpecError(message)

    def check(self, case: Case) -> Check:
        metric = metric_of(case, self.subject)
        reference = case.reference(case.evidence, self.not_worse_than, self.subject)
        graded = find_difference(case, metric, reference.candidate, self.margin) if reference.candidate else None
        comparison = compare_scores(case, metric, reference)
        if graded is not None:
            finding, records = graded.finding, graded.records
        elif comparison is None:
            problem, records = "they have no scored record in common", 0
            finding = Finding(None, None, None, holds=False, broken=False, problem=problem)
        else:
            finding, records = _find(case, comparison, self.margin), comparison.records
            if finding.outcome is Outcome.INCONCLUSIVE:
                finding = attrs.evolve(finding, needed=_needed(case, comparison, self.margin))
        worse = f"worse than {reference.name} by more than {self.margin:g}"
        words = finding.in_words(f"no {worse}", worse, records, is_difference=True)
        return finding.check(
            self,
            case,
            with_basis(words, graded),
            kind=Numbers.DIFFERENCE,
            limit=self.margin if metric.higher_is_better is False else -self.margin,
            records=records,
        )


@attrs.frozen(eq=False)
class Comparison:
    """The candidate and its rivals beside the reference.

    Attributes:
        table: The scores; its last row is that of the reference.
        scores: The same, a larger number being better.
        row: The row of the candidate.
        clusters: Labels of the records that depend on each other, or None.
    """

    table: MetricTable
    scores: CheckpointScores
    row: int
    clusters: NDArray[Any] | None

    @property
    def versus(self) -> int:
        """The row of the reference."""
        return len(self.table.candidates) - 1

    @property
    def values(self) -> NDArray[Any]:
        """The scores of the candidate and of the reference, a larger number being better; shape (2, records)."""
        values: NDArray[Any] = self.scores.means().values[[self.row, self.versus]]
        return values

    @property
    def shared(self) -> NDArray[Any]:
        """Which records both have a score of."""
        import numpy as np

        shared: NDArray[Any] = ~np.isnan(self.values).any(axis=0)
        return shared

    @property
    def records(self) -> int:
        """Their number."""
        return int(self.shared.sum())

    def of_means(self) -> Comparison:
        """Return the comparison of the same checkpoints: each recipe is the mean of its own."""
        table = self.table.with_means()
        return attrs.evolve(self, table=table, scores=table.checkpoint_scores(self.clusters))


def compare_scores(case: Case, metric: Metric, reference: Reference) -> Comparison | None:
    """Return the comparison on the records that both have; None where one of them has no score there."""
    places, name = reference.places, metric.name

    def part(column: MetricColumn) -> MetricColumn:
        return MetricColumn(column.numbers[:, :, places], column.kinds[:, :, places])

    rivals = [
        each for each in case.rivals if each != reference.candidate and name in case.evidence.columns[each].scores
    ]
    columns = [
        CellColumn(case.evidence.columns[each].result, {name: part(case.evidence.columns[each].scores[name])})
        for each in rivals
    ]
    own = reference.column if not reference.candidate else part(reference.column)
    columns.append(CellColumn(_result_of(reference), {name: own}))
    table = make_table(columns, metric)
    candidate, last = rivals.index(case.chosen.candidate), len(columns) - 1
    if candidate not in table.candidates or last not in table.candidates:
        return None
    clusters = None if case.evidence.clusters is None else case.evidence.clusters[places]
    comparison = Comparison(table, table.checkpoint_scores(clusters), table.candidates.index(candidate), clusters)
    return comparison if comparison.records else None


def _result_of(reference: Reference) -> CellResult:
    """Return the reference as a cell of a leaderboard, of which only the scores are used."""
    records = len(reference.places)
    return CellResult("", reference.name, "", "", False, records, records, {}, {}, None, None, {})


def _find(case: Case, comparison: Comparison, margin: float) -> Finding:
    table = comparison.table
    values, shared = comparison.values, comparison.shared
    clusters = len(set(comparison.scores.clusters[shared].tolist()))
    problem = find_problem(table, comparison.records, clusters)
    holds = bounds_of(comparison, comparison.scores, margin, case.go_level)
    same = case.go_level == case.no_go_level
    broken = holds if same else bounds_of(comparison, comparison.scores, margin, case.no_go_level)
    mean, low, high = holds.mean, holds.bounds.low, broken.bounds.high
    is_go = low is not None and low > -margin and _survives(case, comparison, values, margin, go=True)
    is_no_go = high is not None and high < -margin and _survives(case, comparison, values, margin, go=False)
    if table.sign < 0:
        mean, low, high = -mean, None if high is None else -high, None if low is None else -low
    return Finding(mean, low, high, holds=is_go, broken=is_no_go, problem=problem)


def bounds_of(comparison: Comparison, scores: CheckpointScores, margin: float, level: float) -> MarginTest:
    """Return the test of the candidate against the reference."""
    tests = margin_tests(comparison.table, scores, comparison.versus, margin, level)
    return next(test for test in tests if test.candidate == comparison.row)


def _survives(case: Case, comparison: Comparison, values: NDArray[Any], margin: float, *, go: bool) -> bool:
    """Return whether a claim also holds with the scores that speak most against it, where many are missing."""
    import numpy as np

    missing = np.isnan(values)
    of_candidate, of_reference = missing[0] & ~missing[1], missing[1] & ~missing[0]
    bounds, scores = comparison.table.bounds, comparison.scores
    candidate_misses = scores.means().share(of_candidate) > MANY_MISSING
    reference_misses = not go and scores.means().share(of_reference) > MANY_MISSING
    if not candidate_misses and not reference_misses:
        return True
    if bounds is None:
        return False
    if candidate_misses:
        scores = scores.with_missing(comparison.versus, bounds[0] if go else bounds[1])
    if reference_misses:
        scores = scores.with_missing(comparison.row, bounds[0])
    test = bounds_of(comparison, scores, margin, case.go_level if go else case.no_go_level)
    if go:
        return test.bounds.low is not None and test.bounds.low > -margin
    return test.bounds.high is not None and test.bounds.high < -margin


def _needed(case: Case, comparison: Comparison, margin: float) -> int | None:
    """Return how many records would decide it if the true difference is the one that was seen; None if that is not known."""
    import numpy as np

    table = comparison.table
    if table.has_seeds or table.has_worthless_failures:
        return None  # more records alone may never decide it
    values = comparison.values
    differences = values[0] - values[1]
    deviation = deviation_of(differences, comparison.clusters)
    if comparison.records < FEWEST_RECORDS and not deviation >= 0:
        return FEWEST_RECORDS
    present = differences[comparison.shared]
    height = 0.0
    if 2 * np.count_nonzero(present) < present.size or not deviation:
        width = table.bounds[1] - table.bounds[0] if table.bounds else 0.0
        height = float(np.abs(present).max()) or width
    distance = float(present.mean()) + margin
    level = (case.go_level if distance > 0 else case.no_go_level) / (len(table.candidates) - 1)
    needed = needed_for_limit(distance, deviation, level=level, height=height)
    if needed is None:
        return None
    needed = max(needed, FEWEST_RECORDS)
    return needed if needed > comparison.records else None
