"""The matrix of all pairs shows each difference from both sides."""

from __future__ import annotations

import pytest

from llmops_sdk.report.matrix import MOST, pair_matrix
from llmops_sdk.values.estimates import Difference, Estimate, PairTest
from llmops_sdk.values.results import CellResult, Leaderboard, Verdict


def board_of(*pairs: PairTest) -> Leaderboard:
    """A board of these pairs, its candidates in the order of their names."""
    names = sorted({name for pair in pairs for name in (pair.difference.candidate, pair.difference.versus)})
    cells = tuple(CellResult(f"{n}.p.d", n, n, "p", False, 40, 40, {}, {}, None, None, {}) for n in names)
    return Leaderboard("d", "f1", cells, (), (), Verdict("a", settled=False, tied=(), text=""), pairs)


def pair(first: str, second: str, mean: float, p_value: float, half: float | None = 0.05) -> PairTest:
    """The test of a pair, first minus second."""
    low, high = (None, None) if half is None else (mean - half, mean + half)
    difference = Difference(first, second, "f1", Estimate(mean, low, high, 40), 30, 8)
    return PairTest(difference, p_value / 2, p_value, low, high, 38)


PAIRS = (pair("a", "b", 0.1, 0.001), pair("a", "c", 0.02, 0.6), pair("b", "c", -0.08, 0.04, None))


def test_a_pair_is_read_from_both_sides() -> None:
    """Row minus column, with records and ends turned; equal candidates are not marked."""
    a, b, c = pair_matrix(board_of(*PAIRS), lower_is_better=False)

    assert [None, 0.1, 0.02] == [cell and cell.mean for cell in a.cells]
    here, there = a.cells[1], b.cells[0]
    assert here is not None
    assert there is not None
    assert (True, True, 30, 8) == (here.is_different, here.is_ahead, here.better, here.worse)
    assert (True, False, 8, 30) == (there.is_different, there.is_ahead, there.better, there.worse)
    assert (there.low, there.high) == pytest.approx((-0.15, -0.05))
    assert not (c.cells[0] and c.cells[0].is_different)


def test_a_pair_without_an_interval_is_not_marked() -> None:
    """Words and figures agree."""
    _, b, _ = pair_matrix(board_of(*PAIRS), lower_is_better=False)

    assert b.cells[2] is not None
    assert not b.cells[2].is_different


def test_lower_can_be_better() -> None:
    """The one with the smaller mean is ahead."""
    a, *_ = pair_matrix(board_of(*PAIRS), lower_is_better=True)

    assert a.cells[1] is not None
    assert not a.cells[1].is_ahead


def test_candidates_without_a_common_record_have_no_cell() -> None:
    """There is nothing to compare."""
    _, b, c = pair_matrix(board_of(*PAIRS[:2]), lower_is_better=False)

    assert b.cells[2] is None
    assert c.cells[1] is None


def test_two_or_very_many_candidates_have_no_matrix() -> None:
    """Of two, the leaderboard has it; many do not fit a page."""
    many = [pair("a", f"b{number:02}", 0.1, 0.01) for number in range(MOST)]

    assert () == pair_matrix(board_of(PAIRS[0]), lower_is_better=False)
    assert () == pair_matrix(board_of(*many), lower_is_better=False)
