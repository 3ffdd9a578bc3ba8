"""Did export or serving change it? Each form of the same weights against the first one, in words and numbers.

It is the equivalence test of the comparison with a baseline and a margin: two one-sided tests (Schuirmann 1987), which both
hold where the interval of the mean difference lies within the margin. The training seeds of a recipe are no chance here:
both forms have the same checkpoints, so the means over them are compared record by record.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import attrs

from llmops_sdk.values.estimates import MarginResult
from llmops_sdk.values.forms import AnswerAgreement, FormOutcome, FormResult, FormsResult, Suspect
from llmops_sdk.values.results import Leaderboard
from llmops_sdk.values.scores import Metric
from llmops_sdk.verdict.baseline import Baseline, against_baseline, find_problem, scores_are_grouped
from llmops_sdk.verdict.forms.words import family_headline, form_text
from llmops_sdk.verdict.statistics.sample_size import needed_for_limit, needed_for_margin
from llmops_sdk.verdict.table import CellColumn, MetricTable, make_table

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEVEL = 0.05


@attrs.frozen
class ComparedForm:
    """A form with a result, beside the reference.

    Attributes:
        candidate: Its candidate.
        agreement: How far its answers are those of the reference.
        suspects: What the two endpoints report.
    """

    candidate: str
    agreement: AnswerAgreement
    suspects: tuple[Suspect, ...]


@attrs.frozen
class FormFamily:
    """The forms of one model, with one prompt, on one dataset.

    Attributes:
        model: The model's name in the specification.
        reference: The candidate that is the reference.
        others: The other candidates.
        compared: Those of them that have a result, as the reference has.
        margin: The difference that does not matter, in the metric's unit.
    """

    model: str
    reference: str
    others: tuple[str, ...]
    compared: tuple[ComparedForm, ...]
    margin: float


def conclude_forms(
    board: Leaderboard,
    families: Sequence[FormFamily],
    columns: Sequence[CellColumn],
    metric: Metric,
    clusters: NDArray[Any] | None,
) -> Leaderboard:
    """Return a leaderboard with the result of each family; its verdict starts with their headlines.

    Args:
        board: The leaderboard.
        families: One or more; several share the level.
        columns: The candidates with a result.
        metric: The metric that decides.
        clusters: Labels of the records that depend on each other, shape (records,); None if none do.
    """
    level = LEVEL / len(families)
    forms = tuple(_family_result(family, columns, metric, clusters, level) for family in families)
    first, verdict = " ".join(each.headline for each in forms), board.verdict
    headline = f"{first} {verdict.headline}" if verdict.headline else ""
    return attrs.evolve(
        board, forms=forms, verdict=attrs.evolve(verdict, text=f"{first} {verdict.text}", headline=headline)
    )


def _family_result(
    family: FormFamily,
    columns: Sequence[CellColumn],
    metric: Metric,
    clusters: NDArray[Any] | None,
    level: float,
) -> FormsResult:
    by_name = {column.result.candidate: column for column in columns}
    own = [
        by_name[name] for name in (*(each.candidate for each in family.compared), family.reference) if name in by_name
    ]
    table = make_table(own, metric).with_means()
    cells = tuple(column.result for column in own)
    tests = against_baseline(table, clusters, cells, Baseline(family.reference, family.margin), level)
    by_candidate = {test.candidate: test for test in tests}
    rows = {cells[place].candidate: row for row, place in enumerate(table.candidates)}
    forms = []
    for form in family.compared:
        test = by_candidate.get(form.candidate)
        outcome = _outcome(test, metric)
        why = ""
        if test is not None and outcome == "undecided":
            why = _why_undecided(table, clusters, rows[form.candidate], rows[family.reference], family.margin, level)
        result = FormResult(
            candidate=form.candidate,
            reference=family.reference,
            outcome=outcome,
            margin=family.margin,
            estimate=test.estimate if test and test.estimate.records else None,
            agreement=form.agreement,
            suspects=form.suspects,
            text="",
        )
        forms.append(attrs.evolve(result, text=form_text(result, why)))
    compared = {form.candidate for form in forms}
    without = tuple(name for name in family.others if name not in compared)
    headline = family_headline(family.reference, forms, without)
    return FormsResult(family.model, family.reference, tuple(forms), without, headline)


def _outcome(test: MarginResult | None, metric: Metric) -> FormOutcome:
    if test is None:
        return "undecided"
    if test.equivalent:
        return "equivalent"
    if test.worse:
        return "worse"
    low, high = test.estimate.low, test.estimate.high
    is_above, is_below = low is not None and low > test.margin, high is not None and high < -test.margin
    is_better = is_below if metric.higher_is_better is False else is_above
    return "better" if is_better and test.no_worse else "undecided"


def _why_undecided(
    table: MetricTable, clusters: NDArray[Any] | None, row: int, reference: int, margin: float, level: float
) -> str:
    """Return why nothing is shown, or how many records would show that two equal forms are equivalent."""
    import numpy as np

    scores = table.scores(clusters)
    values = scores.values[[row, reference]]
    shared = ~np.isnan(values).any(axis=0)
    records = int(shared.sum())
    problem = find_problem(table, records, len(np.unique(scores.clusters[shared])))
    if problem:
        return problem
    differences = values[0][shared] - values[1][shared]
    deviation = float(np.std(differences, ddof=1))
    needed = needed_for_margin(margin, deviation, equivalence=True) if deviation else 0
    if 2 * np.count_nonzero(differences) < records:  # the interval then has two made-up records
        width = table.bounds[1] - table.bounds[0] if table.bounds else 0.0
        height = float(np.abs(differences).max()) or width
        needed = max(needed, needed_for_limit(margin, deviation, level=level, height=height) or 0)
    if needed > records and not scores_are_grouped(scores):
        return f"if they are equal, it takes about {needed:,} records to show it"
    return ""
