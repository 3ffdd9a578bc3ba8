"""How FMEval's outcomes are joined, without FMEval: in batches, in order, and with what failed."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from llmops_plugins.fmeval import worker


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, Any]:
    """Five records, two at a time; a substitute for FMEval fails on the output "bad"."""
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
        outcomes = {row["row"]: {"scores": {"s": float(row["model_output"])}} for row in reversed(rows)}
        self._means.append({"s": 1.0})
        return outcomes

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


def test_batches_are_joined_in_order(job: Mapping[str, Any], tmp_path: Path) -> None:
    """A batch that FMEval fails on is scored record by record; only the bad record has no score."""
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
    """They are scored one by one, and FMEval's means are left out: they do not cover all records."""
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


def test_robustness_is_scored_record_by_record(job: Mapping[str, Any], tmp_path: Path) -> None:
    """Without FMEval's `evaluate`."""
    metadata = worker._run({**job, "one_by_one": True}, tmp_path)

    assert [1.0, 2.0, 3.0, None, 5.0] == [result.get("scores", {}).get("s") for result in _results(tmp_path)]
    assert {"versions"} == set(metadata)


def test_another_version_is_refused(job: Mapping[str, Any], tmp_path: Path) -> None:
    """The values are those of one version."""
    with pytest.raises(RuntimeError, match=r"has fmeval 1\.2\.3, but 9 is needed"):
        worker._run({**job, "fmeval": "9"}, tmp_path)


@pytest.mark.parametrize("value", [None, float("nan"), float("inf")])
def test_a_value_that_is_not_finite_is_an_error(value: float | None) -> None:
    """With the name of the score."""
    assert {"error": f"FMEval's rouge is {value}"} == worker._outcome({"meteor": 1.0, "rouge": value})


def test_the_innermost_error_is_reported() -> None:
    """In one line; Ray wraps an error several times, and FMEval once more."""
    outer, inner = RuntimeError("outer"), KeyError("first\nlast")
    outer.__cause__ = inner
    assert r"KeyError: 'first\nlast'" == worker._reason(outer)
    assert "ValueError" == worker._reason(ValueError())
