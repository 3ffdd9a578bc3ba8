"""How FMEval's outcomes are put together, without FMEval: in parts, in order, and with what failed."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from llmops_plugins.fmeval import worker
from llmops_plugins.fmeval.algorithms import FactualKnowledge
from llmops_plugins.fmeval.evaluator import METADATA
from llmops_plugins.fmeval.options import FactualKnowledgeOptions
from llmops_sdk.testing import make_context


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, Any]:
    """Five records, two at a time; FMEval is a stand-in that fails on the output "bad"."""
    rows = [{"row": row, "target_output": "a", "model_output": text} for row, text in enumerate("12345")]
    rows[3]["model_output"] = "bad"
    (tmp_path / "records.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))

    class Algorithm:
        def evaluate_sample(self, model_output: str) -> list[Any]:
            if model_output == "bad":
                raise ValueError(model_output)
            return [Score(float(model_output))]

    class Score:
        name = "s"

        def __init__(self, value: float) -> None:
            self.value = value

    def evaluate(self: worker._DatasetScorer, rows: Sequence[Mapping[str, Any]]) -> dict[int, dict[str, Any]]:
        found = {row["row"]: {"scores": {"s": float(row["model_output"])}} for row in reversed(rows)}
        self._means.append({"s": 1.0})
        return found

    monkeypatch.setattr(worker, "_RECORDS_AT_A_TIME", 2)
    monkeypatch.setattr(worker, "_algorithm", lambda *_: Algorithm())
    monkeypatch.setattr(worker._DatasetScorer, "_evaluate", evaluate)
    monkeypatch.setattr(worker, "_version", lambda name: "1.2.3" if name == "fmeval" else "")
    monkeypatch.setitem(sys.modules, "nltk", ModuleType("nltk"))
    return {
        "fmeval": "1.2.3",
        "one_by_one": False,
        "labels_from_targets": False,
        "sample": {"model_output": "model_output"},
    }


def _results(folder: Path) -> list[Any]:
    return [json.loads(line) for line in (folder / "results.jsonl").read_text().splitlines()]


def test_parts_are_put_together_in_order(job: Mapping[str, Any], tmp_path: Path) -> None:
    """A part that FMEval fails on is scored record by record; the bad one costs itself."""
    metadata = worker._run(job, tmp_path)

    assert [0, 1, 2, 3, 4] == [result["row"] for result in _results(tmp_path)]
    assert [1.0, 2.0, 3.0, None, 5.0] == [result.get("scores", {}).get("s") for result in _results(tmp_path)]
    assert "FMEval cannot score it: ValueError: bad" == _results(tmp_path)[3]["error"]
    assert ["ValueError: could not convert string to float: 'bad'"] == metadata["evaluate_failed"]
    assert 0 == metadata["evaluate_left_out"]
    assert "dataset_scores" not in metadata


def test_records_that_evaluate_leaves_out_are_counted(
    job: Mapping[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are scored by themselves, and FMEval's means are not told: they are not of all records."""
    monkeypatch.setattr(worker, "_RECORDS_AT_A_TIME", 10)
    monkeypatch.setattr(
        worker._DatasetScorer,
        "_evaluate",
        lambda _self, rows: {row["row"]: {"scores": {"s": 9.0}} for row in rows if row["row"] % 2},
    )
    metadata = worker._run(job, tmp_path)

    assert [1.0, 9.0, 3.0, 9.0, 5.0] == [result["scores"]["s"] for result in _results(tmp_path)]
    assert (3, []) == (metadata["evaluate_left_out"], metadata["evaluate_failed"])
    assert "dataset_scores" not in metadata


@pytest.mark.parametrize(
    ("failed", "left_out", "told"),
    [
        ([], 0, "evaluate"),
        ([], 3, "evaluate; its output lacked 3 records, which evaluate_sample scored"),
        (["ValueError: x"], 0, "evaluate failed (ValueError: x), then evaluate_sample, record by record"),
    ],
)
def test_the_provenance_tells_which_way_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failed: list[str], left_out: int, told: str
) -> None:
    """As the facts of FMEval's process have it."""
    monkeypatch.setattr("llmops_plugins.fmeval.options.problem_with", lambda _python: "")
    context = make_context(tmp_path)
    (tmp_path / METADATA).write_text(json.dumps({"evaluate_failed": failed, "evaluate_left_out": left_out}))

    assert told == FactualKnowledge(FactualKnowledgeOptions()).provenance(context)["run"]


def test_record_by_record(job: Mapping[str, Any], tmp_path: Path) -> None:
    """The way of semantic robustness."""
    metadata = worker._run({**job, "one_by_one": True}, tmp_path)

    assert [1.0, 2.0, 3.0, None, 5.0] == [result.get("scores", {}).get("s") for result in _results(tmp_path)]
    assert {"versions"} == set(metadata)


def test_another_version_is_refused(job: Mapping[str, Any], tmp_path: Path) -> None:
    """The numbers are those of one version."""
    with pytest.raises(RuntimeError, match=r"has fmeval 1\.2\.3, but 9 is needed"):
        worker._run({**job, "fmeval": "9"}, tmp_path)


@pytest.mark.parametrize("value", [None, float("nan"), float("inf")])
def test_what_is_no_number_is_no_score(value: float | None) -> None:
    """It is told with the score's name."""
    assert {"error": f"FMEval's rouge is {value}"} == worker._outcome({"meteor": 1.0, "rouge": value})


def test_the_innermost_error_is_told() -> None:
    """Ray wraps an error several times, and FMEval once more; one line of it is enough."""
    outer, inner = RuntimeError("outer"), KeyError("first\nlast")
    outer.__cause__ = inner
    assert r"KeyError: 'first\nlast'" == worker._reason(outer)
    assert "ValueError" == worker._reason(ValueError())
