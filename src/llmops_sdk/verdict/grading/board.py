"""The leaderboard of a dataset that people graded: how far the judge agrees with them, and the verdict on corrected means."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import attrs

from llmops_sdk.values.estimates import Difference, Estimate, PairTest
from llmops_sdk.values.grades import Grades, Grading
from llmops_sdk.values.results import Leaderboard, Verdict
from llmops_sdk.values.scores import Metric
from llmops_sdk.verdict.baseline import margin_sentences
from llmops_sdk.verdict.grading.agreement import krippendorff_alpha
from llmops_sdk.verdict.grading.correction import CorrectedPair, Correction
from llmops_sdk.verdict.grading.graded import GradedTable, graded_table
from llmops_sdk.verdict.grading.margins import corrected_margins
from llmops_sdk.verdict.grading.words import agreement_sentences, verdict_text
from llmops_sdk.verdict.statistics.comparison import FEWEST_RECORDS, MANY_MISSING
from llmops_sdk.verdict.statistics.intervals import Interval
from llmops_sdk.verdict.table import CellColumn

if TYPE_CHECKING:
    from numpy.typing import NDArray


def grade_board(
    board: Leaderboard,
    columns: Sequence[CellColumn],
    metric: Metric,
    grades: Grades,
    clusters: NDArray[Any] | None = None,
) -> Leaderboard:
    """Return the leaderboard of a dataset with what people's grades show.

    Where the graded metric decides, the verdict and the tests of pairs rest on the corrected means; another metric's
    grades show its agreement with people, and change nothing.

    Args:
        board: The leaderboard, from the judge alone.
        columns: Its cells with their scores.
        metric: The metric that people graded in the place of.
        grades: All grades of the run.
        clusters: Labels of the records that depend on each other, shape (records,); None if none do.
    """
    if board.dataset not in grades.offered:
        return board
    graded = graded_table(board.dataset, columns, metric, grades, clusters)
    if not graded.names:
        return board
    correction = graded.correct()
    grading = _grading(graded, grades.graders, correction, metric)
    if metric.name != board.metric:
        return attrs.evolve(board, grading=grading)
    order = _order(board, grading, graded.table.sign)
    cells = sorted(board.cells, key=lambda cell: order.index(cell.candidate) if cell.candidate in order else len(order))
    differences = tuple(each for each in board.differences if each.metric != metric.name)
    pairs = tuple(_pair_test(pair, correction, graded, metric) for pair in correction.pairs if correction.graded)
    return attrs.evolve(
        board,
        cells=tuple(cells),
        grading=grading,
        pairs=pairs or board.pairs,
        differences=(*_to_best(correction, graded, metric, order), *differences),
        verdict=_verdict(board, graded, correction, grading, metric, order),
    )


def _grading(graded: GradedTable, graders: tuple[str, ...], correction: Correction, metric: Metric) -> Grading:
    import numpy as np

    values = graded.table.values
    both = np.stack([graded.judged, graded.mean_grades])
    scored = ~np.isnan(values).any(axis=0)
    rows = list(enumerate(graded.names)) if correction.graded else []
    within = [mean.interval_within(metric.bounds) for mean in correction.means]
    grading = Grading(
        metric=metric.name,
        graders=graders,
        answers=graded.answers,
        records=correction.graded,
        with_judge=_agreement(graded, both),
        between_graders=_agreement(graded, graded.by_grader) if len(graders) > 1 else None,
        weight=correction.weight,
        means={
            name: Estimate(correction.means[row].value, within[row].low, within[row].high, int(scored.sum()))
            for row, name in rows
        },
        judge_means={name: float(values[row][scored].mean()) for row, name in rows},
        text="",
    )
    return attrs.evolve(grading, text=" ".join(agreement_sentences(grading, metric.label or metric.name)))


def _order(board: Leaderboard, grading: Grading, sign: int) -> list[str]:
    """Return the candidates that have corrected means, the best first; with too few grades, in the order of the judge."""
    names = [cell.candidate for cell in board.cells if cell.candidate in grading.means]
    if grading.records < FEWEST_RECORDS:
        return names
    return sorted(names, key=lambda name: -sign * grading.means[name].mean)


def _agreement(graded: GradedTable, ratings: NDArray[Any]) -> Estimate | None:
    """Return the agreement of raters, shape (raters, candidates, records); None where it is not known."""
    import numpy as np

    records = ratings.shape[2]
    labels = np.arange(records) if graded.clusters is None else graded.clusters
    alpha = krippendorff_alpha(ratings.reshape(len(ratings), -1), np.tile(labels, ratings.shape[1]))
    return None if alpha.value is None else Estimate(alpha.value, alpha.low, alpha.high, alpha.units)


def _pair_test(pair: CorrectedPair, correction: Correction, graded: GradedTable, metric: Metric) -> PairTest:
    low, high = _ends(pair.difference.interval(1 - 0.05 / len(correction.pairs)))
    return PairTest(
        difference=_difference(pair, graded, metric),
        p_value=pair.difference.p_value,
        adjusted_p_value=pair.adjusted if pair.is_enough else 1.0,
        low=low,
        high=high,
        clusters=pair.clusters,
    )


def _difference(pair: CorrectedPair, graded: GradedTable, metric: Metric) -> Difference:
    low, high = _ends(pair.difference.interval())
    wins, losses = (pair.wins, pair.losses) if graded.table.sign > 0 else (pair.losses, pair.wins)
    estimate = Estimate(pair.difference.value, low, high, _records(graded))
    return Difference(graded.names[pair.first], graded.names[pair.second], metric.name, estimate, wins, losses)


def _records(graded: GradedTable) -> int:
    """Return the number of records that a corrected difference rests on: those that the judge scored for all candidates."""
    import numpy as np

    return int((~np.isnan(graded.table.values).any(axis=0)).sum())


def _to_best(correction: Correction, graded: GradedTable, metric: Metric, order: Sequence[str]) -> Iterator[Difference]:
    if not order:
        return
    best = graded.names.index(order[0])
    for name in order[1:]:
        yield _difference(correction.pair(graded.names.index(name), best), graded, metric)


def _verdict(
    board: Leaderboard,
    graded: GradedTable,
    correction: Correction,
    grading: Grading,
    metric: Metric,
    order: Sequence[str],
) -> Verdict:
    import numpy as np

    judged = board.verdict
    worse: tuple[str, ...] = ()
    if len(graded.names) == 1 or correction.graded < FEWEST_RECORDS:
        best = judged.best
        tied = tuple(name for name in graded.names if name != best)
    else:
        best = order[0]
        row = graded.names.index(best)
        missing = float(np.isnan(graded.table.values[row]).mean())
        pairs = {name: correction.pair(row, graded.names.index(name)) for name in graded.names if name != best}
        worse = tuple(name for name in order[1:] if pairs[name].differs() and missing <= MANY_MISSING)
        tied = tuple(name for name in order[1:] if name not in worse)
    margins = corrected_margins(judged.margins, graded, correction)
    text = verdict_text(board, grading, metric, best, tied, worse, _lead(correction, graded, metric, order))
    return attrs.evolve(
        judged,
        best=best,
        settled=len(graded.names) > 1 and not tied,
        tied=tied,
        worse=worse,
        headline=text[0],
        text=" ".join([*text, *margin_sentences(margins), grading.text, *judged.caveats]),
        notes=(),
        best_interval=None,
        detectable=None,
        needed_records=None,
        margins=margins,
    )


def _lead(correction: Correction, graded: GradedTable, metric: Metric, order: Sequence[str]) -> Difference | None:
    """Return the corrected difference of the best from the next one, or None."""
    if len(order) < 2 or correction.graded < FEWEST_RECORDS:  # noqa: PLR2004 - a difference takes two
        return None
    first, second = map(graded.names.index, order[:2])
    return _difference(correction.pair(first, second), graded, metric)


def _ends(interval: Interval) -> tuple[float | None, float | None]:
    return interval.low, interval.high
