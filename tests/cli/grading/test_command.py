"""`llmops grade`: the sheet without names, the grades that come back, and what is refused."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
import yaml

from ..conftest import PIPELINE, Command


@pytest.fixture(name="finished")
def _finished(llmops: Command, folder: Path) -> Path:
    """A finished run on 30 test records."""
    specification = {**PIPELINE, "datasets": [{"use": "lines", "records": 60}]}
    (folder / "echoes.yaml").write_text(yaml.safe_dump(specification), encoding="utf-8")
    llmops("run", "echoes.yaml", "-q")
    return folder


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def _write(path: Path, rows: list[dict[str, str]]) -> str:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return str(path)


def _grade(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """Grade each answer: a loud one well, with some chance in it."""
    return [
        {**row, "grade": str(0.9 - place % 3 / 10 if row["answer"].isupper() else 0.2 + place % 4 / 10)}
        for place, row in enumerate(rows)
    ]


def test_a_sheet_is_balanced_and_has_no_names(llmops: Command, finished: Path) -> None:
    """Every record has an answer of each candidate; a longer sheet starts with the shorter one; a page is beside it."""
    answer = llmops("grade", "--n", "20")
    rows = _rows(finished / "grades.csv")
    page = (finished / "grades.html").read_text(encoding="utf-8")

    assert "20 answers to 10 records" in answer.text
    assert 20 == len({row["id"] for row in rows})
    assert all(rows[place]["question"] == rows[place + 1]["question"] for place in range(0, 20, 2))
    text = (finished / "grades.csv").read_text(encoding="utf-8-sig") + page
    assert not [name for name in ("base", "'loud'", "'quiet'", "loud.", "quiet.") if name in text]
    assert "http" not in page.replace("http-equiv", "")
    llmops("grade", "--n", "31", "-o", "more.csv")
    longer = _rows(finished / "more.csv")
    assert 32 == len(longer)
    assert rows == longer[:20]


def test_grades_correct_the_verdict(llmops: Command, finished: Path) -> None:
    """The verdict rests on corrected means, in the terminal, the record and the report; a second import replaces the first."""
    llmops("grade", "--n", "40")
    sheet = _write(finished / "ann.csv", _grade(_rows(finished / "grades.csv")))

    graded = llmops("grade", "--from", sheet)
    board = json.loads(llmops("show", "--json").out)["leaderboards"][0]

    assert "corrected with people's grades" in graded.text
    assert "exact, corrected by 40 graded answers" in graded.text
    assert ["ann"] == board["grading"]["graders"]
    assert (40, 20) == (board["grading"]["answers"], board["grading"]["records"])
    assert 2 == len(board["grading"]["means"])
    report = Path(llmops("report").out.strip()).read_text(encoding="utf-8")
    assert "Means corrected with people's grades of 40 answers" in report
    llmops("grade", "--from", _write(finished / "few.csv", _grade(_rows(finished / "grades.csv"))[:8]))
    assert "Nothing is decided" in llmops("show").text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"id": "0000000000xx"}, "the ID '0000000000xx' was changed"),
        ({"id": "OTHER"}, "is not in run"),
        ({"grade": "7"}, "the grade '7' is not a number from 0 to 1"),
        ({"grade": "good"}, "the grade 'good' is not a number from 0 to 1"),
        ({"grade": "nan"}, "the grade 'nan' is not a number from 0 to 1"),
    ],
)
def test_a_wrong_row_is_one_line_and_changes_nothing(
    llmops: Command, finished: Path, change: dict[str, str], message: str
) -> None:
    """The file, the line and the reason; the verdict stays."""
    from llmops_sdk.pipeline.grading.sheet import Secret, answer_id

    llmops("grade", "--n", "20")
    before = llmops("show", "--json").out
    if change.get("id") == "OTHER":
        change = {"id": answer_id(Secret("another"), "exact", "lines", "loud", 0)}
    rows = _grade(_rows(finished / "grades.csv"))
    rows[3] |= change

    err = llmops("grade", "--from", _write(finished / "ann.csv", rows), code=2).err

    assert 1 == len(err.strip().splitlines())
    assert "line " in err
    assert message in err
    assert before == llmops("show", "--json").out


def test_one_grade_for_everything_is_refused(llmops: Command, finished: Path) -> None:
    """Such grades show nothing."""
    llmops("grade", "--n", "20")
    rows = [{**row, "grade": "1"} for row in _rows(finished / "grades.csv")]

    err = llmops("grade", "--from", _write(finished / "ann.csv", rows), code=2).err

    assert "'ann' gave the grade 1 to all 20 answers" in err


def test_a_file_with_grades_is_not_overwritten(llmops: Command, finished: Path) -> None:
    """People's work is not lost by asking for the sheet again; an untouched sheet is written again."""
    llmops("grade", "--n", "20")
    llmops("grade", "--n", "20")
    path = finished / "grades.csv"
    _write(path, _grade(_rows(path)))
    before = path.read_bytes()

    assert "grades.csv has grades in it, and is not overwritten" in llmops("grade", "--n", "40", code=2).err
    assert before == path.read_bytes()


def test_a_gate_uses_the_grades(llmops: Command, finished: Path) -> None:
    """Conditions on the graded metric are corrected; a baseline file has no grades, which the answer notes."""
    llmops("grade", "--n", "40")
    llmops("grade", "--from", _write(finished / "ann.csv", _grade(_rows(finished / "grades.csv"))))
    conditions = [{"at_least": 0.5}, {"not_worse_than": "base.json", "margin": 0.1}]
    (finished / "gate.yaml").write_text(yaml.safe_dump({"gate": {"exact": conditions}}), encoding="utf-8")
    llmops("gate", "-f", "gate.yaml", "--candidate", "loud", "--update")

    answer = llmops("gate", "-f", "gate.yaml", "--candidate", "loud")

    assert "corrected with people's grades on 20 records" in answer.text
    assert "rests on the scores alone: people graded this run, and not the baseline" in answer.text


def test_what_is_no_graded_sheet_is_refused(llmops: Command, finished: Path) -> None:
    """No sheet was written yet, no grade is in it, no column of that name, and options that do not go together."""
    (finished / "x.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    assert "has no sheet to grade" in llmops("grade", "--from", "x.csv", code=2).err
    llmops("grade", "--n", "20")
    assert "has no column 'id'" in llmops("grade", "--from", "x.csv", code=2).err
    assert "there is no file 'gone.csv'" in llmops("grade", "--from", "gone.csv", code=2).err
    assert "there is no grade in" in llmops("grade", "--from", "grades.csv", code=2).err
    assert "leave out --output" in llmops("grade", "--from", "grades.csv", "-o", "y.csv", code=2).err
    assert "--json is for the results" in llmops("grade", "--json", code=2).err
    assert "has no metric 'nope'" in llmops("grade", "--metric", "nope", code=2).err
