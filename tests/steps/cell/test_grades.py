"""The grades in a run's record."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from llmops_sdk import LocalStore
from llmops_sdk.errors import RecordError
from llmops_sdk.record.layout import RunLayout
from llmops_sdk.record.run import Run
from llmops_sdk.steps.cell.grades import GRADES, read_grades, write_grades
from llmops_sdk.values.grades import Grade, Grades


def _run(folder: Path) -> Run:
    store, file = LocalStore(folder), RunLayout("r1").file
    return cast("Run", SimpleNamespace(id="r1", store=store, put=lambda name, data: store.put(file(name), data)))


def test_grades_are_read_as_they_were_written(tmp_path: Path) -> None:
    """None before; then the same values, with each grader once."""
    run = _run(tmp_path)
    grades = Grades("judge", {"d": (3, 1)}, (Grade("d", "a", 1, "ann", 4.0), Grade("d", "b", 1, "ann", 2.5)))

    assert read_grades(run) is None
    write_grades(run, grades)
    assert grades == read_grades(run)
    assert ("ann",) == grades.graders


@pytest.mark.parametrize("text", [b"{", b'{"metric": "judge"}'])
def test_a_damaged_file_is_named(tmp_path: Path, text: bytes) -> None:
    """Text that is no JSON, or lacks a key."""
    run = _run(tmp_path)
    run.put(GRADES, text)

    with pytest.raises(RecordError, match=r"grades\.json' is damaged"):
        read_grades(run)
