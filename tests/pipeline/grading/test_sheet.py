"""The sheet: IDs that nobody can read, an order by chance, and texts that no spreadsheet runs."""

from __future__ import annotations

import csv
import io
from collections import Counter

from llmops_sdk.pipeline.grading.sheet import Row, Secret, Sheet, answer_id, drawing_order, is_answer_id, sheet_csv
from llmops_sdk.values.results import CellResult, Leaderboard, Verdict
from llmops_sdk.values.scores import Metric

SECRET = Secret("salt")


def _board(records: int) -> Leaderboard:
    cell = CellResult("a.p.d", "a", "a", "p", False, records, records, {}, {}, None, None, {})
    return Leaderboard("d", "judge", (cell,), (), (), Verdict("", settled=False, tied=(), text=""))


def test_an_id_depends_on_everything_and_is_found_edited() -> None:
    """Secret, metric, dataset, candidate and record give other IDs, of letters alone; a changed letter shows."""
    name = answer_id(SECRET, "judge", "d", "a", 0)
    others = [
        answer_id(Secret("other"), "judge", "d", "a", 0),
        answer_id(SECRET, "tone", "d", "a", 0),
        answer_id(SECRET, "judge", "e", "a", 0),
        answer_id(SECRET, "judge", "d", "b", 0),
        answer_id(SECRET, "judge", "d", "a", 1),
    ]

    assert 6 == len({name, *others})
    assert all(map(is_answer_id, (name, *others)))
    assert name.isalpha()
    assert not is_answer_id(("b" if name[0] == "a" else "a") + name[1:])
    assert not is_answer_id("")


def test_records_are_drawn_by_chance_and_always_alike() -> None:
    """All records, in an order of their own, which is the same each time and another one with another secret."""
    order = drawing_order(SECRET, _board(50))

    assert list(range(50)) == sorted(order)
    assert list(range(50)) != order
    assert order == drawing_order(SECRET, _board(50))
    assert order != drawing_order(Secret("other"), _board(50))
    first = Counter(drawing_order(Secret(str(salt)), _board(5))[0] for salt in range(500))
    assert min(first[place] for place in range(5)) > 60


def test_a_text_is_no_formula() -> None:
    """A spreadsheet must not run what a model wrote."""
    sheet = Sheet((Row("1", "=1+1", "", "@SUM(A1)\nline, two"),), 1, Metric("judge", bounds=(1, 5)))

    ((head), row) = csv.reader(io.StringIO(sheet_csv(sheet)))

    assert ["id", "question", "reference", "answer", "grade"] == head
    assert ["1", "'=1+1", "", "'@SUM(A1)\nline, two", ""] == row
