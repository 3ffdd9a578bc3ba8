from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llmops_plugins.importers.bedrock import Bedrock
from llmops_plugins.importers.options import ToolImportOptions
from llmops_sdk.errors import DataError

from .reading import Read, read, write_lines

TITAN = "arn:aws:bedrock:us-west-2::foundation-model/amazon.titan-text-express-v1"
JUDGE = "arn:aws:bedrock:us-west-2::foundation-model/judge-1"


def row(number: int, *scores: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A line of the output of an automatic job, in the form that AWS documents."""
    return {
        "automatedEvaluationResult": {"scores": list(scores)},
        "inputRecord": {"prompt": f"What is {number}?", "category": "numbers", "referenceResponse": str(number)},
        "modelResponses": [{"response": f"It is {number}.", "modelIdentifier": TITAN}],
        **changes,
    }


def judged(metric: str, result: float | None) -> dict[str, Any]:
    """A score of a job with a judge."""
    return {
        "metricName": metric,
        "result": result,
        "evaluatorDetails": [{"modelIdentifier": JUDGE, "explanation": "It is right."}],
    }


def read_one(path: Path) -> Read:
    (one,) = read(Bedrock(ToolImportOptions()), path)
    return one


def test_lines_of_an_automatic_job_are_rows(tmp_path: Path) -> None:
    """The candidate is the model of the answers; the folder below `datasets` names the dataset."""
    folder = tmp_path / "job" / "models" / "titan" / "taskTypes" / "QuestionAndAnswer" / "datasets" / "trivia"
    scores = ({"metricName": "Accuracy", "result": 0.75}, {"metricName": "Robustness", "result": 12.5})
    path = write_lines(folder / "0a1b_output.jsonl", [row(1, *scores), row(2, *scores)])

    one = read_one(path)

    assert ("amazon.titan-text-express-v1", "trivia") == (one.results.candidate, one.results.dataset)
    assert {"Accuracy": (True, (0.0, 1.0)), "Robustness": (False, None)} == one.metrics
    assert {"instruction": "What is 1?", "response": "1", "category": "numbers"} == one.rows[0].record
    assert one.rows[0].answer
    assert ("It is 1.", {"Accuracy": 0.75, "Robustness": 12.5}) == (
        one.rows[0].answer.output,
        one.rows[0].answer.scores,
    )
    assert {"target": "1"} == one.rows[0].must_agree
    assert [one.rows[0].key] == [row.key for row in read(Bedrock(ToolImportOptions()), tmp_path / "job")[0].rows[:1]]


def test_the_judge_must_agree(tmp_path: Path) -> None:
    """Scores of two judges are not compared; its metrics have their directions."""
    lines = [row(1, judged("Builtin.Correctness", 1.0), judged("Builtin.Harmfulness", 0.0), judged("tone", 3.0))]

    one = read_one(write_lines(tmp_path / "job.jsonl", lines))

    assert {"judge": JUDGE} == one.results.must_agree
    assert {
        "Builtin.Correctness": (True, (0.0, 1.0)), "Builtin.Harmfulness": (False, (0.0, 1.0)), "tone": (None, None)
    } == one.metrics  # fmt: skip


def test_a_record_without_scores_is_missing(tmp_path: Path) -> None:
    """The judge failed, or the model gave no answer."""
    no_answer = row(2, modelResponses=[{"modelIdentifier": TITAN}])
    lines = [row(1, judged("Builtin.Correctness", None)), no_answer, row(3, judged("Builtin.Correctness", 1.0))]

    one = read_one(write_lines(tmp_path / "job.jsonl", lines))

    assert ["the job gave it no score", "the job has no answer to it", ""] == [row.error for row in one.rows]
    assert [True, True, False] == [row.is_missing for row in one.rows]
    assert [False, True, False] == [row.answer is None for row in one.rows]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (row(1, {"metricName": "Accuracy", "result": "n/a"}), "the score 'Accuracy' of record 1 of 'job.jsonl': 'n/a' is no number"),
        (row(1), "job.jsonl' has no scores$"),
        (row(1, modelResponses=[{"response": "a"}, {"response": "b"}]), "record 1 of 'job.jsonl' has no single answer in 'modelResponses'"),
        (row(1, automatedEvaluationResult={}), "record 1 of 'job.jsonl' has no scores in 'automatedEvaluationResult'"),
        ({**row(1), "humanEvaluationResult": {}}, "is of a job with human workers: only automatic jobs"),
    ],
)  # fmt: skip
def test_unusable_lines_are_refused(tmp_path: Path, line: dict[str, Any], problem: str) -> None:
    """Jobs of other kinds are named as what they are."""
    with pytest.raises(DataError, match=problem):
        read_one(write_lines(tmp_path / "job.jsonl", [line]))


def test_answers_of_several_models_in_one_file_are_refused(tmp_path: Path) -> None:
    """Each model has a file of its own."""
    score = {"metricName": "Accuracy", "result": 1.0}
    other = row(2, score, modelResponses=[{"response": "a", "modelIdentifier": "other"}])

    with pytest.raises(DataError, match="has the answers of 2 models"):
        read_one(write_lines(tmp_path / "job.jsonl", [row(1, score), other]))


def test_other_files_are_not_recognized(tmp_path: Path) -> None:
    """A file without Bedrock's fields, and an empty folder."""
    importer = Bedrock(ToolImportOptions())

    assert not importer.recognizes(write_lines(tmp_path / "x" / "a.jsonl", [{"inputRecord": {}, "score": 1}]))
    (tmp_path / "empty").mkdir()
    assert not importer.recognizes(tmp_path / "empty")
