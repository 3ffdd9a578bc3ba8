from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from llmops_plugins.importers.mlflow import Mlflow
from llmops_plugins.importers.options import MlflowImportOptions
from llmops_sdk.errors import DataError

from .reading import Read, read

COLUMNS = [
    "question", "target", "outputs", "latency", "rouge1/v1/score", "answer_correctness/v1/score",
    "answer_correctness/v1/justification",
]  # fmt: skip
ROWS = [["What is 1?", "one", "It is one.", 0.5, 0.25, 4, "right"], ["What is 2?", "two", "No.", 0.25, 0.0, 1, "wrong"]]


def write_table(folder: Path, columns: list[str] = COLUMNS, rows: list[list[Any]] = ROWS) -> Path:
    """Write a table as `mlflow.log_table` does."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "eval_results_table.json"
    path.write_text(json.dumps({"columns": columns, "data": rows}, separators=(",", ":")))
    return path


def result(number: int, value: Any, **changes: Any) -> dict[str, Any]:
    """A row of the `result_df` of `mlflow.genai.evaluate`."""
    return {
        "trace_id": f"tr-{number}",
        "exact_match/value": value,
        "expected_response/value": str(number),
        "state": "OK",
        "request_time": 1795955113000,
        "execution_duration": 250,
        "request": {"question": f"What is {number}?"},
        "response": f"It is {number}.",
        "assessments": [
            {"assessment_name": "exact_match", "feedback": {"value": value}},
            {"assessment_name": "expected_response", "expectation": {"value": str(number)}},
        ],
        **changes,
    }


def write_results(path: Path, rows: list[dict[str, Any]]) -> Path:
    """Write a `result_df` as pandas' `to_json(orient="records")` does."""
    path.write_text(json.dumps(rows))
    return path


def read_one(path: Path, **options: str) -> Read:
    (one,) = read(Mlflow(MlflowImportOptions(**options)), path)
    return one


def test_a_table_of_a_run_has_a_metric_for_each_column_of_scores(tmp_path: Path) -> None:
    """MLflow's own judges give 1 to 5; the latency belongs to the answer, and the justification is left out."""
    one = read_one(write_table(tmp_path))

    assert {"rouge1": (True, (0.0, 1.0)), "answer_correctness": (True, (1.0, 5.0))} == one.metrics
    assert [0.25, 0.0] == one.scores("rouge1")
    answer = one.rows[0].answer
    assert answer
    assert ("It is one.", 0.5) == (answer.output, answer.latency)
    assert {
        "instruction": "What is 1?", "inputs": "What is 1?", "response": "one"
    } == one.rows[0].record  # fmt: skip
    assert {"target": "one"} == one.rows[0].must_agree


def test_tables_of_two_runs_have_equal_keys(tmp_path: Path) -> None:
    """A row is paired by its input, not by what the model wrote."""
    first = read_one(write_table(tmp_path / "a"))
    second = read_one(write_table(tmp_path / "b", rows=[[row[0], row[1], "?", 9, 0.5, 2, "-"] for row in ROWS]))

    assert [row.key for row in first.rows] == [row.key for row in second.rows]


def test_the_folder_of_a_run_gives_its_name(tmp_path: Path) -> None:
    """Where MLflow keeps runs in files; a folder of artifacts alone gives its own name."""
    run = tmp_path / "0" / "5f3a"
    write_table(run / "artifacts")
    (run / "tags").mkdir()
    (run / "tags" / "mlflow.runName").write_text("tuned")
    downloaded = write_table(tmp_path / "downloaded")

    assert ["tuned", "downloaded", "downloaded"] == [
        read_one(path).results.candidate for path in (run, downloaded.parent, downloaded)
    ]


def test_several_columns_without_a_usual_name_are_the_input(tmp_path: Path) -> None:
    """Those are all that are no answer, reference or score; with the option 'input' one of them is."""
    path = write_table(
        tmp_path, ["topic", "tone", "target", "outputs", "rouge1/v1/score"], [["sea", "sad", "x", "y", 0.5]]
    )

    assert {"topic": "sea", "tone": "sad"} == read_one(path).rows[0].record["inputs"]
    assert "sea" == read_one(path, input="topic").rows[0].record["inputs"]


def test_a_saved_result_has_marks_and_no_expectations(tmp_path: Path) -> None:
    """A judge's yes counts 1; an expected response is the reference, not a score; the time is in milliseconds."""
    rows = [result(1, "yes"), result(2, "no"), result(3, True)]

    one = read_one(write_results(tmp_path / "tuned.json", rows))

    assert ("tuned", {"exact_match": (True, (0.0, 1.0))}) == (one.results.candidate, one.metrics)
    assert [1.0, 0.0, 1.0] == one.scores("exact_match")
    answer = one.rows[0].answer
    assert answer
    assert ("It is 1.", 0.25) == (answer.output, answer.latency)
    assert {
        "instruction": "What is 1?", "inputs": {"question": "What is 1?"}, "response": "1"
    } == one.rows[0].record  # fmt: skip


def test_a_number_that_was_expected_is_no_score(tmp_path: Path) -> None:
    """The table has a column for it too; the assessments tell it apart."""
    expected = {"assessment_name": "year", "expectation": {"value": 1912}}
    row = result(1, 0.5, **{"year/value": 1912})
    row["assessments"].append(expected)

    assert {"exact_match": (True, (0.0, 1.0))} == read_one(write_results(tmp_path / "a.json", [row])).metrics


def test_a_csv_file_of_a_result_is_read(tmp_path: Path) -> None:
    """Pandas writes lists and objects as Python shows them."""
    rows = [result(1, True), result(2, False)]
    path = tmp_path / "tuned.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)

    one = read_one(path)

    assert [1.0, 0.0] == one.scores("exact_match")
    assert "What is 1?" == one.rows[0].record["instruction"]
    assert [row.key for row in read_one(write_results(tmp_path / "a.json", rows)).rows] == [row.key for row in one.rows]


def test_failures_are_missing(tmp_path: Path) -> None:
    """A scorer that raised, and a model that could not be called."""
    rows = [
        result(1, None, **{"exact_match/error_message": "no luck\nTraceback"}),
        result(2, None, state="ERROR", response=None),
        result(3, 0.5),
    ]

    one = read_one(write_results(tmp_path / "a.json", rows))

    assert ["no luck", "the model's call failed", ""] == [row.error for row in one.rows]
    assert [True, True, False] == [row.is_missing for row in one.rows]
    assert [False, True, False] == [row.answer is None for row in one.rows]


@pytest.mark.parametrize(
    ("columns", "rows", "problem"),
    [
        (["inputs", "outputs", "tone/v1/score"], [["a", "b", "warm"]], "ends with /score or /value; tone/v1/score are texts"),
        (["outputs", "tone/v1/score"], [["b", 1]], "no column with the input: name it with the option 'input'; it has: outputs, tone/v1/score"),
        (["inputs", "outputs", "tone/v1/score"], [["a", "b", 1], ["c"]], r"row 2 of 'eval_results_table.json' does not have the 3 values"),
    ],
)  # fmt: skip
def test_unusable_tables_are_refused(tmp_path: Path, columns: list[str], rows: list[list[Any]], problem: str) -> None:
    """The message names the column or the row."""
    with pytest.raises(DataError, match=problem):
        read_one(write_table(tmp_path, columns, rows))


def test_a_column_that_the_user_names_must_be_there(tmp_path: Path) -> None:
    """The message shows the columns."""
    with pytest.raises(DataError, match=r"has no column 'ask', which 'input' names; it has: question, target"):
        read_one(write_table(tmp_path), input="ask")


def test_a_table_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    """It is recognized by its name and its start."""
    path = write_table(tmp_path)
    path.write_text(path.read_text()[:-40])

    with pytest.raises(DataError, match="is the file cut off or still being written"):
        read_one(path)


def test_other_files_are_not_recognized(tmp_path: Path) -> None:
    """A table without columns of scores is no evaluation, whatever wrote it."""
    other = tmp_path / "a.csv"
    other.write_text("id,score\n1,0.5\n")
    split = tmp_path / "b.json"
    split.write_text('{"columns":["a","b"],"data":[[1,2]]}')

    for path in (other, split, tmp_path, tmp_path / "none.json"):
        assert not Mlflow(MlflowImportOptions()).recognizes(path)
