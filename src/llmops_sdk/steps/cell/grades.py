"""The grades of a run: `grades.json` in its record, which the `compare` step reads."""

from __future__ import annotations

from llmops_sdk.record.files import read_value, sealed
from llmops_sdk.record.layout import RunLayout
from llmops_sdk.record.run import Run
from llmops_sdk.values.grades import Grades
from llmops_sdk.values.serial import to_json

GRADES = "grades.json"
"""The file of a run with its grades."""


def read_grades(run: Run) -> Grades | None:
    """Return the grades of a run, or None where nobody graded it.

    Raises:
        RecordError: The file is damaged.
    """
    grades: Grades | None = read_value(run.store, RunLayout(run.id).file(GRADES), Grades)
    return grades


def write_grades(run: Run, grades: Grades) -> None:
    """Write the grades of a run, in the place of earlier ones."""
    run.put(GRADES, sealed(to_json(grades)))
