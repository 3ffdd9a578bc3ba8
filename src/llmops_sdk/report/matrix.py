"""The matrix of all pairs of candidates, as the report shows it."""

from __future__ import annotations

import attrs

from llmops_sdk.values.estimates import PairTest
from llmops_sdk.values.results import Leaderboard

MOST = 20
"""Candidates up to which there is a matrix."""


@attrs.frozen
class MatrixCell:
    """One pair, as the candidate of the row minus that of the column.

    Attributes:
        mean: The mean difference.
        low: Lower end of its interval, which holds for all pairs together; None if it is not bounded.
        high: Upper end, or None.
        p_value: Adjusted for the number of pairs.
        better: Records on which the row's candidate is better.
        worse: Records on which it is worse.
        is_different: Whether the two differ, taking all pairs together.
        is_ahead: Whether the row's candidate is better on average.
    """

    mean: float
    low: float | None
    high: float | None
    p_value: float
    better: int
    worse: int
    is_different: bool
    is_ahead: bool


@attrs.frozen
class MatrixRow:
    """One candidate against all others.

    Attributes:
        candidate: Its name.
        cells: In the order of the rows; None for the candidate itself, and where two have no record in common.
    """

    candidate: str
    cells: tuple[MatrixCell | None, ...]


def pair_matrix(board: Leaderboard, *, lower_is_better: bool) -> tuple[MatrixRow, ...]:
    """Return the rows, the best candidate first; none for fewer than three candidates or more than `MOST`."""
    names = list(
        dict.fromkeys(name for pair in board.pairs for name in (pair.difference.candidate, pair.difference.versus))
    )
    if not 2 < len(names) <= MOST:  # noqa: PLR2004 - a pair is in the leaderboard already
        return ()
    order = [cell.candidate for cell in board.cells if cell.candidate in names]
    cells: dict[tuple[str, str], MatrixCell] = {}
    for pair in board.pairs:
        difference = pair.difference
        cells[difference.candidate, difference.versus] = _cell(pair, 1, lower_is_better=lower_is_better)
        cells[difference.versus, difference.candidate] = _cell(pair, -1, lower_is_better=lower_is_better)
    return tuple(MatrixRow(row, tuple(cells.get((row, column)) for column in order)) for row in order)


def _cell(pair: PairTest, sign: int, *, lower_is_better: bool) -> MatrixCell:
    difference, low, high = pair.difference, pair.low, pair.high
    if sign < 0:
        low, high = (None if end is None else -end for end in (high, low))
    mean = sign * difference.estimate.mean
    is_bounded_apart = (low is not None and low > 0) or (high is not None and high < 0)
    return MatrixCell(
        mean=mean,
        low=low,
        high=high,
        p_value=pair.adjusted_p_value,
        better=difference.better if sign > 0 else difference.worse,
        worse=difference.worse if sign > 0 else difference.better,
        is_different=pair.adjusted_p_value <= pair.level and is_bounded_apart,
        is_ahead=mean < 0 if lower_is_better else mean > 0,
    )
