"""Candidates that stop at planned looks: which are worse by then, and how all compare at the end.

At each look the candidates that are still asked are compared on the records so far, at that look's own level. One that
is worse stops. At the end each pair is compared at the last look that both took part in, with tests and intervals at
the level of that look: "repeated confidence intervals" (Jennison and Turnbull, JRSS B 51, 1989), which hold for all
looks together, whenever a candidate stops.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import attrs

from llmops_sdk.verdict.statistics.comparison import Comparison, PairComparison, compare, find_worse, holds
from llmops_sdk.verdict.statistics.flips import FLIPS
from llmops_sdk.verdict.statistics.pairs import Scores

Candidate = TypeVar("Candidate")

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BEYOND = 20
"""Random patterns of signs that are to lie beyond a critical value, for a value that another seed does not change much."""

_MOST_FLIPS = 99_999


@attrs.frozen(eq=False)
class Looks:
    """The planned looks at the records of one dataset.

    Attributes:
        of_records: Shape (records,), the look from which on a record is asked; the first one is 1.
        levels: The level of the test at each look.
    """

    of_records: NDArray[Any]
    levels: tuple[float, ...]

    @property
    def last(self) -> int:
        """The look at all records."""
        return len(self.levels)

    def level(self, look: int) -> float:
        """Return the level of a look."""
        return self.levels[look - 1]

    def records(self, look: int) -> NDArray[Any]:
        """Return which records are asked by a look, shape (records,)."""
        seen: NDArray[Any] = self.of_records <= look
        return seen


def worse_at(scores: Scores, looks: Looks, look: int, *, bounds: tuple[float, float] | None = None) -> tuple[int, ...]:
    """Return the candidates that are worse at a look.

    Args:
        scores: The scores of the candidates that are still asked; each has at least one by then.
        looks: The planned looks.
        look: The look.
        bounds: The worst and the best score that the metric can have, None if it declares none.
    """
    level = looks.level(look)
    return find_worse(_at(scores, looks, look), bounds=bounds, level=level, flips=_flips(level))


def stop(asked: Sequence[Candidate], worse: Collection[Candidate]) -> list[Candidate]:
    """Return the candidates that stop at a look: those that are worse; all, if only one of them is not.

    Args:
        asked: The candidates that are still asked.
        worse: Those of them that are worse.
    """
    left = [candidate for candidate in asked if candidate not in worse]
    return list(asked) if worse and len(left) == 1 else [candidate for candidate in asked if candidate in worse]


def compare_stopped(
    scores: Scores, looks: Looks, stopped_at: Sequence[int], *, bounds: tuple[float, float] | None = None
) -> Comparison:
    """Compare candidates that stopped at different looks.

    The best is one of those that stopped last. A candidate that stopped before is worse if its test against the best,
    at the look at which it stopped, shows it too.

    Args:
        scores: Their scores; each candidate has at least one by the look at which it stopped. There may be no candidate.
        looks: The planned looks.
        stopped_at: The look at which each candidate stopped.
        bounds: The worst and the best score that the metric can have, None if it declares none.
    """
    import numpy as np

    if not stopped_at:
        return Comparison((), (), (), (), ())
    pairs: dict[tuple[int, int], PairComparison] = {}
    p_values = [1.0] * len(stopped_at)
    for look in sorted(set(stopped_at)):
        rows = [row for row, end in enumerate(stopped_at) if end >= look]
        result = _compare_at(scores, looks, look, rows, bounds)
        pairs |= {(pair.first, pair.second): pair for pair in result.pairs}
        for row, p_value in zip(rows, result.p_values, strict=True):
            p_values[row] = p_value
    ordered = tuple(pairs[places] for places in sorted(pairs))
    comparison = attrs.evolve(result, p_values=tuple(p_values), pairs=ordered)

    def is_worse(row: int) -> bool:
        look = stopped_at[row]
        part, level = _at(scores, looks, look), looks.level(look)
        return all(
            holds(part, comparison.pair(best, row), bounds=bounds, level=level, flips=_flips(level))
            for best in comparison.best
        )

    earlier = [row for row, end in enumerate(stopped_at) if end < look]
    means = {row: float(np.nanmean(_at(scores, looks, stopped_at[row]).values[row])) for row in earlier}
    earlier.sort(key=lambda row: (-stopped_at[row], -means[row]))
    worse = tuple(row for row in earlier if is_worse(row))
    tied = tuple(row for row in earlier if row not in worse)
    return attrs.evolve(comparison, tied=(*comparison.tied, *tied), worse=(*comparison.worse, *worse))


def _compare_at(
    scores: Scores, looks: Looks, look: int, rows: Sequence[int], bounds: tuple[float, float] | None
) -> Comparison:
    """Compare some candidates on the records of a look; the places in the result are those of all candidates."""
    part, level = _at(scores, looks, look), looks.level(look)
    result = compare(Scores(part.values[list(rows)], part.clusters), bounds=bounds, level=level, flips=_flips(level))

    def places(of_part: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(rows[place] for place in of_part)

    return attrs.evolve(
        result,
        best=places(result.best),
        tied=places(result.tied),
        worse=places(result.worse),
        pairs=tuple(attrs.evolve(pair, first=rows[pair.first], second=rows[pair.second]) for pair in result.pairs),
    )


def _at(scores: Scores, looks: Looks, look: int) -> Scores:
    seen = looks.records(look)
    return Scores(scores.values[:, seen], scores.clusters[seen])


def _flips(level: float) -> int:
    """Return how many random patterns of signs resolve a level."""
    return min(_MOST_FLIPS, max(FLIPS, math.ceil(_BEYOND / level)))
