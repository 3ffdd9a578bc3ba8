"""The grades of a run: `grades.json` in its record, which the `compare` step reads."""

from __future__ import annotations

from llmops_sdk.record.files import read_json, sealed, to_value
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
    key = RunLayout(run.id).file(GRADES)
    data = read_json(run.store, key)
    grades: Grades | None = None if data is None else to_value(data, Grades, run.store, key)
    return grades


def write_grades(run: Run, grades: Grades) -> None:
    """Write the grades of a run, in the place of earlier ones."""
    run.put(GRADES, sealed(to_json(grades)))
