"""`at_least` and `at_most`: the true mean of a metric is on the right side of a limit.

The bound that decides is the end of the mean's interval, not the mean: Wilson's with Student's t for metrics with bounds,
as in the verdict, each end at its own level.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import attrs

from llmops_sdk.errors import SpecError
from llmops_sdk.gate.conditions.condition import Case, Condition, Finding, finite, metric_of
from llmops_sdk.gate.conditions.graded import find_mean, with_basis
from llmops_sdk.gate.outcome import Check, Numbers, Outcome
from llmops_sdk.values.scores import Metric
from llmops_sdk.verdict.baseline import find_problem
from llmops_sdk.verdict.statistics.comparison import FEWEST_RECORDS, MANY_MISSING
from llmops_sdk.verdict.statistics.distributions import t_quantile
from llmops_sdk.verdict.statistics.intervals import Interval
from llmops_sdk.verdict.statistics.sample_size import deviation_of, needed_for_limit
from llmops_sdk.verdict.table import CellColumn, Kind, MetricColumn, MetricTable, make_table

if TYPE_CHECKING:
    from numpy.typing import NDArray


@attrs.frozen
class MeanAtLeast(Condition):
    """The true mean is at least this.

    Attributes:
        at_least: The limit, in the metric's unit.
    """

    KEY: ClassVar[str] = "at_least"

    at_least: float = attrs.field(validator=finite)

    @property
    def text(self) -> str:
        return f"at least {self.at_least:g}"

    def check_names(self, metrics: Mapping[str, Metric]) -> None:
        _check_limit(metrics[self.subject], self.at_least, self.KEY, wrong_direction=False, other=MeanAtMost.KEY)

    def check(self, case: Case) -> Check:
        return _check(self, case, self.at_least, is_least=True)


@attrs.frozen
class MeanAtMost(Condition):
    """The true mean is at most this.

    Attributes:
        at_most: The limit, in the metric's unit.
    """

    KEY: ClassVar[str] = "at_most"

    at_most: float = attrs.field(validator=finite)

    @property
    def text(self) -> str:
        return f"at most {self.at_most:g}"

    def check_names(self, metrics: Mapping[str, Metric]) -> None:
        _check_limit(metrics[self.subject], self.at_most, self.KEY, wrong_direction=True, other=MeanAtLeast.KEY)

    def check(self, case: Case) -> Check:
        return _check(self, case, self.at_most, is_least=False)


def _check_limit(metric: Metric, limit: float, key: str, *, wrong_direction: bool, other: str) -> None:
    if metric.higher_is_better is wrong_direction:
        better = "lower" if wrong_direction is False else "higher"
        message = f"{metric.name}: a {better} number is better, so the condition is {other}, not {key}"
        raise SpecError(message)
    if metric.bounds is not None and not metric.bounds[0] < limit < metric.bounds[1]:
        low, high = metric.bounds
        message = (
            f"{metric.name}: {key} {limit:g} shows nothing: {metric.name} lies between {low:g} and {high:g}; give a limit between"
            " them"
        )
        raise SpecError(message)


def _check(condition: MeanAtLeast | MeanAtMost, case: Case, limit: float, *, is_least: bool) -> Check:
    metric = metric_of(case, condition.subject)
    names = [name for name, column in case.evidence.columns.items() if metric.name in column.scores]
    columns = [case.evidence.columns[name] for name in names]
    table = make_table(columns, metric)
    place = names.index(case.chosen.candidate)
    graded = find_mean(case, metric, limit, is_least=is_least)
    if graded is not None:
        finding, records = graded.finding, graded.records
    elif place not in table.candidates:
        finding, records = Finding(None, None, None, holds=False, broken=False, problem="no record has a score"), 0
    else:
        row = table.candidates.index(place)
        finding = _find(case, table, row, columns[place], limit, is_least=is_least)
        records = _values(table, row).size
        if finding.outcome is Outcome.INCONCLUSIVE:
            finding = attrs.evolve(finding, needed=_needed(case, table, row, limit, is_least=is_least))
    words = finding.in_words(condition.text, f"not {condition.text}", records)
    return finding.check(condition, case, with_basis(words, graded), kind=Numbers.MEAN, limit=limit, records=records)


def _values(table: MetricTable, row: int) -> NDArray[Any]:
    import numpy as np

    values = table.values[row]
    present: NDArray[Any] = values[~np.isnan(values)]
    return present


def _find(  # what is compared with what, at which level
    case: Case, table: MetricTable, row: int, column: CellColumn, limit: float, *, is_least: bool
) -> Finding:
    import numpy as np

    own = attrs.evolve(table, failures=table.failures[[row]])
    present = ~np.isnan(table.values[row])
    clusters = np.unique(case.evidence.labels[present]).size
    problem = find_problem(own, int(present.sum()), clusters)
    interval = _interval(case, table, row, is_least=is_least)
    holds, broken = _sides(interval, limit, is_least=is_least)
    kinds = column.scores[table.metric.name].kinds
    missing = (kinds == Kind.MISSING).any(axis=(0, 1)) & ~(kinds == Kind.UNDEFINED).any(axis=(0, 1))
    if missing.sum() > MANY_MISSING * (present | missing).sum():
        bounds = table.metric.bounds
        ends = (bounds if is_least else (bounds[1], bounds[0])) if bounds else None  # against GO, against NO-GO
        holds = holds and ends is not None and _with(case, table, column, ends[0], limit, is_least=is_least)[0]
        broken = broken and ends is not None and _with(case, table, column, ends[1], limit, is_least=is_least)[1]
    return Finding(table.mean(row), interval.low, interval.high, holds=holds, broken=broken, problem=problem)


def _with(
    case: Case, table: MetricTable, column: CellColumn, value: float, limit: float, *, is_least: bool
) -> tuple[bool, bool]:
    """Return whether the condition holds, and whether it is broken, with a score in place of each missing one."""
    import numpy as np

    name = table.metric.name
    scores = column.scores[name]
    is_missing = scores.kinds == Kind.MISSING
    filled = MetricColumn(np.where(is_missing, value, scores.numbers), np.where(is_missing, Kind.SCORED, scores.kinds))
    alone = make_table([CellColumn(column.result, {name: filled})], table.metric)
    return _sides(_interval(case, alone, 0, is_least=is_least), limit, is_least=is_least)


def _sides(interval: Interval, limit: float, *, is_least: bool) -> tuple[bool, bool]:
    """Return whether a mean is shown to be on the right side of a limit, and whether on the wrong one."""
    above, below = (
        interval.low is not None and interval.low >= limit,
        interval.high is not None and interval.high <= limit,
    )
    above_strictly = interval.low is not None and interval.low > limit
    below_strictly = interval.high is not None and interval.high < limit
    return (above, below_strictly) if is_least else (below, above_strictly)


def _interval(case: Case, table: MetricTable, row: int, *, is_least: bool) -> Interval:
    """Return the bounds of a mean, each at its level: of the best of several candidates, at a share of it."""
    rivals = len(case.rivals)
    go, no_go = case.go_level / rivals, case.no_go_level / rivals
    low, high = (go, no_go) if is_least else (no_go, go)
    clusters = case.evidence.clusters
    return Interval(table.interval(row, clusters, 1 - 2 * low).low, table.interval(row, clusters, 1 - 2 * high).high)


def _needed(case: Case, table: MetricTable, row: int, limit: float, *, is_least: bool) -> int | None:
    """Return how many records would decide it if the true mean is the one that was seen; None if that is not known."""
    if len(table.checkpoints[row]) > 1 or (table.metric.worst is None and table.failures[row]):
        return None  # more records alone may never decide it
    values = _values(table, row)
    mean = table.mean(row)
    is_go = (mean > limit) == is_least
    level = (case.go_level if is_go else case.no_go_level) / len(case.rivals)
    deviation = deviation_of(table.values[row], case.evidence.clusters)
    needed = (
        needed_for_limit(mean - limit, deviation, level=level)
        if deviation > 0
        else _needed_at_end(table.metric, mean, limit, level)
    )
    if needed is None:
        return FEWEST_RECORDS if values.size < FEWEST_RECORDS else None
    needed = max(needed, FEWEST_RECORDS)
    return needed if needed > values.size else None


def _needed_at_end(metric: Metric, mean: float, limit: float, level: float) -> int | None:
    """Return how many records it takes where all have the worst or the best score: Wilson's interval of 0 of n, or n of n."""
    if metric.bounds is None or mean not in metric.bounds:
        return None
    distance = abs(mean - limit) / (metric.bounds[1] - metric.bounds[0])
    needed = FEWEST_RECORDS
    for _ in range(5):  # Student's t depends on the number
        needed = max(math.ceil(t_quantile(1 - level, needed - 1) ** 2 * (1 - distance) / distance), FEWEST_RECORDS)
    return needed
