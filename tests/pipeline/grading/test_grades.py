"""Reading graded sheets: several people, spreadsheets with semicolons, and a grade given twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmops_sdk import DataError, LocalStore, Pipeline, Progress, Run
from llmops_sdk.pipeline.grading.grades import has_grades, import_grades
from llmops_sdk.pipeline.grading.sheet import Sheet, make_sheet, sheet_csv
from llmops_sdk.plugin.registry import Registry


@pytest.fixture(name="run")
def _run(tmp_path: Path, home: Path, registry: Registry) -> Run:  # noqa: ARG001 - nothing is cached outside the test
    """A finished run of two candidates on ten test records."""
    pipeline = (
        Pipeline.builder("echo")
        .with_dataset("lines")
        .with_prompt("bare")
        .with_model("echo", name="quiet", voice="quiet", fine_tune=False)
        .with_model("echo", name="loud", fine_tune=False)
        .with_evaluator("echo-score")
        .with_evaluator("text-metrics", metrics=["token_f1"])
    )
    return pipeline.run(store=LocalStore(tmp_path / "runs"), registry=registry, progress=Progress()).run


def _write(path: Path, sheet: Sheet, *, separator: str = ",", comma: str = ".", grader: str = "") -> Path:
    lines = [separator.join(["id", "grade", "grader"])]
    lines += [f"{row.id}{separator}0{comma}{place % 9}{separator}{grader}" for place, row in enumerate(sheet.rows)]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_each_file_is_a_persons(run: Run, tmp_path: Path) -> None:
    """A grader is called like the file, or as the column says; semicolons and decimal commas are read too."""
    sheet = make_sheet(run, 12)
    paths = [
        _write(tmp_path / "ann.csv", sheet),
        _write(tmp_path / "x.csv", sheet, separator=";", comma=",", grader="bob"),
    ]

    grades = import_grades(run, paths)

    assert ("ann", "bob") == grades.graders
    assert 24 == len(grades.grades)
    assert 6 == len(grades.offered["lines"])
    assert {0.0, 0.1} < {grade.value for grade in grades.grades}


def test_an_answer_that_one_person_graded_twice_is_refused(run: Run, tmp_path: Path) -> None:
    """With two different grades; the same one twice is one."""
    sheet = make_sheet(run, 4)
    path = _write(tmp_path / "ann.csv", sheet)
    path.write_text(path.read_text(encoding="utf-8") + f"\n{sheet.rows[0].id},0.9,", encoding="utf-8")

    with pytest.raises(DataError, match=r"'ann' graded this answer twice: 0 and 0\.9"):
        import_grades(run, [path])


def test_a_sheet_stays_good_when_another_metric_is_graded(run: Run, tmp_path: Path) -> None:
    """The IDs of both are known; the sheets of two metrics together are refused."""
    overlap = _write(tmp_path / "ann.csv", make_sheet(run, 4, "token_f1"))
    exact = _write(tmp_path / "bob.csv", make_sheet(run, 4))

    assert "token_f1" == import_grades(run, [overlap]).metric
    with pytest.raises(DataError, match="the sheets are of two metrics, token_f1 and exact"):
        import_grades(run, [overlap, exact])


def test_a_file_with_grades_is_known(run: Run, tmp_path: Path) -> None:
    """A sheet without a grade may be written again; one with grades, or another file, may not."""
    sheet = make_sheet(run, 4)
    path = tmp_path / "ann.csv"
    path.write_text(sheet_csv(sheet), encoding="utf-8")
    assert not has_grades(path)
    assert has_grades(_write(path, sheet))
    path.write_text("my notes", encoding="utf-8")
    assert has_grades(path)


def test_a_file_that_is_no_text_is_refused(run: Run, tmp_path: Path) -> None:
    """Such as a spreadsheet's own form."""
    make_sheet(run, 4)
    path = tmp_path / "ann.xlsx"
    path.write_bytes(b"PK\xff\xfe")

    with pytest.raises(DataError, match="is not UTF-8 text"):
        import_grades(run, [path])
