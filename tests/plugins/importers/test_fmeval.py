from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llmops_plugins.importers.fmeval import FMEval
from llmops_plugins.importers.options import ToolImportOptions
from llmops_sdk.errors import DataError

from .reading import Read, read, write_lines


def row(number: int, *scores: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A line of FMEval's output."""
    return {
        "model_input": f"What is {number}?",
        "model_output": f"It is {number}.",
        "target_output": str(number),
        "category": "numbers",
        "scores": list(scores),
        **changes,
    }


def read_one(path: Path) -> Read:
    (one,) = read(FMEval(ToolImportOptions()), path)
    return one


def test_lines_are_rows_paired_by_their_input(tmp_path: Path) -> None:
    """The folder names the model, the file the algorithm and the dataset; the known scores have direction and bounds."""
    scores = ({"name": "rouge", "value": 0.25}, {"name": "bertscore", "value": 0.5}, {"name": "meteor", "value": 0.75})
    path = write_lines(tmp_path / "tuned" / "summarization_accuracy_dolly.jsonl", [row(1, *scores), row(2, *scores)])

    one = read_one(path)

    assert ("tuned", "dolly") == (one.results.candidate, one.results.dataset)
    assert {"algorithm": "summarization_accuracy"} == one.results.must_agree
    assert {
        "rouge": (True, (0.0, 1.0)), "bertscore": (True, (0.0, 1.0)), "meteor": (True, (0.0, 1.0))
    } == one.metrics  # fmt: skip
    assert one.rows[0].answer
    assert ("It is 1.", {"rouge": 0.25, "bertscore": 0.5, "meteor": 0.75}) == (
        one.rows[0].answer.output,
        one.rows[0].answer.scores,
    )
    assert ("What is 1?", "1", "numbers") == tuple(
        one.rows[0].record[name] for name in ("instruction", "response", "category")
    )
    assert one.rows[0].key != one.rows[1].key


def test_rows_of_two_models_have_equal_keys(tmp_path: Path) -> None:
    """The answer is no part of the key."""
    first = read_one(write_lines(tmp_path / "a" / "toxicity_x.jsonl", [row(1, {"name": "toxicity", "value": 0.1})]))
    second = read_one(
        write_lines(
            tmp_path / "b" / "toxicity_x.jsonl", [row(1, {"name": "toxicity", "value": 0.2}, model_output="Nine")]
        )
    )

    assert first.rows[0].key == second.rows[0].key
    assert {"toxicity": (False, (0.0, 1.0))} == first.metrics


def test_a_score_that_fmeval_could_not_compute_is_missing(tmp_path: Path) -> None:
    """It writes the error in place of the value."""
    path = write_lines(
        tmp_path / "m" / "qa_accuracy_x.jsonl",
        [
            row(1, {"name": "f1_score", "value": 1.0}),
            row(2, {"name": "f1_score", "error": "no answer\nat all"}, error="no"),
        ],
    )

    one = read_one(path)

    assert ("no answer", True) == (one.rows[1].error, one.rows[1].is_missing)
    assert [1.0, None] == one.scores("f1_score")


def test_the_folder_that_all_models_share_names_none(tmp_path: Path) -> None:
    """FMEval writes to /tmp/eval_results by default; then the file's name is the candidate."""
    path = write_lines(tmp_path / "eval_results" / "toxicity_x.jsonl", [row(1, {"name": "toxicity", "value": 0.1})])

    assert "toxicity_x" == read_one(path).results.candidate


def test_a_folder_has_all_its_files(tmp_path: Path) -> None:
    """A model may be evaluated on several datasets."""
    for dataset in ("a", "b"):
        write_lines(tmp_path / "m" / f"toxicity_{dataset}.jsonl", [row(1, {"name": "toxicity", "value": 0.1})])

    assert [("m", "a"), ("m", "b")] == [
        (one.results.candidate, one.results.dataset) for one in read(FMEval(ToolImportOptions()), tmp_path / "m")
    ]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (row(1, {"name": "f1_score", "value": "high"}), r"^the score 'f1_score' of record 1 of 'x.jsonl': 'high' is no number$"),
        (row(1), r"x.jsonl' has no scores$"),
        ({"model_output": "?", "scores": [{"name": "f1_score", "value": 1.0}]}, r"^record 1 of 'x.jsonl' has none of the fields model_input"),
    ],
)  # fmt: skip
def test_unusable_lines_are_refused(tmp_path: Path, line: dict[str, Any], problem: str) -> None:
    """The message names the record."""
    with pytest.raises(DataError, match=problem):
        read_one(write_lines(tmp_path / "x.jsonl", [line]))


def test_other_files_are_not_recognized(tmp_path: Path) -> None:
    """Scores that are an object are another tool's."""
    importer = FMEval(ToolImportOptions())

    assert not importer.recognizes(write_lines(tmp_path / "a.jsonl", [{"model_input": "?", "scores": {"f1": 1}}]))
    assert not importer.recognizes(tmp_path / "none")
    assert not importer.recognizes(tmp_path / "none.jsonl")
