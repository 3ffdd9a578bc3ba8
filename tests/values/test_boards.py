"""All leaderboards of a run."""

from __future__ import annotations

from llmops_sdk.values.boards import all_boards
from llmops_sdk.values.results import Leaderboard, Results, Verdict

BOARD = Leaderboard("sales", "exact", (), (), (), Verdict("", settled=False, tied=(), text=""))
OTHER = Leaderboard("general", "exact", (), (), (), Verdict("", settled=False, tied=(), text=""))


def test_that_of_retention_is_the_last() -> None:
    """A run without it has one leaderboard per dataset."""
    assert (BOARD,) == all_boards(Results("run", "name", (BOARD,), ()))
    assert (BOARD, OTHER) == all_boards(Results("run", "name", (BOARD,), (), retention=OTHER))
