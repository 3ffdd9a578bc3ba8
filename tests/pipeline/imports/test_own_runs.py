"""Finished runs as results to compare."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llmops_sdk import DataError, LocalStore, Pipeline, Progress, Registry, SpecError
from llmops_sdk.pipeline.imports.own_runs import read_run
from llmops_sdk.pipeline.imports.sources import RunSource
from llmops_sdk.plugin import ImportedResults, ImportedRow

from .sources import compare_files, run_echoes, scores


def _read(source: RunSource, *fields: str) -> list[tuple[ImportedResults, list[ImportedRow]]]:
    return [(results, list(results.rows)) for results in read_run(source, *fields)]


def test_each_candidate_has_its_records_with_their_scores(tmp_path: Path, registry: Registry) -> None:
    """Records have the same keys in all of them: what was asked."""
    run = run_echoes(tmp_path, registry).run

    (loud, rows), (quiet, others) = _read(RunSource(run))

    assert [("loud", "lines"), ("quiet", "lines")] == [(each.candidate, each.dataset) for each in (loud, quiet)]
    assert ["exact", "noise"] == [metric.name for metric in loud.metrics]
    assert {1.0} == {row.answer.scores["exact"] for row in rows if row.answer}
    assert [row.key for row in rows] == [row.key for row in others]
    assert 30 == len({row.key for row in rows})
    assert {"repeat 3 line 3"} == {row.must_agree["prompt"] for row in rows if row.record["context"] == "line 3"}
    assert {"generation", "prompt template", "grader of exact", "grader of noise"} == loud.must_agree.keys()
    assert loud.must_agree == quiet.must_agree


def test_one_candidate_and_a_field_that_pairs(tmp_path: Path, registry: Registry) -> None:
    """As users name them; a field that records lack is refused."""
    run = run_echoes(tmp_path, registry).run

    ((loud, rows),) = _read(RunSource(run, "loud"), "context", "response")

    assert "loud" == loud.candidate
    assert ("line 4", "LINE 4") in {(row.key, row.group) for row in rows}
    with pytest.raises(DataError, match="has no field 'id' to pair it by; it has: context, instruction, response"):
        _read(RunSource(run), "id")


def test_failures_stay_failures(tmp_path: Path, registry: Registry) -> None:
    """An answer that was refused is the candidate's own; one that recorded answers lack is missing."""
    csv = scores(tmp_path / "answers.csv", [1, 0])
    csv.write_text("prompt,said,error\nline 0,LINE 0,\nline 1,,refused\n", encoding="utf-8")
    pipeline = (
        Pipeline.builder("recorded")
        .with_dataset("lines", records=3, test_fraction=1.0)
        .with_prompt("bare")
        .with_model("recorded", name="old", path=str(csv), answer="said")
        .with_evaluator("echo-score")
    )
    run = pipeline.run(store=LocalStore(tmp_path / "runs"), progress=Progress(), registry=registry).run

    ((_, rows),) = _read(RunSource(run))
    by_context = {row.record["context"]: row for row in rows}

    assert by_context["line 0"].answer is not None
    assert (None, False) == (by_context["line 1"].answer, by_context["line 1"].is_missing)
    assert "refused" in by_context["line 1"].error
    assert (None, True) == (by_context["line 2"].answer, by_context["line 2"].is_missing)


def test_a_candidate_that_failed_cannot_be_compared(tmp_path: Path, registry: Registry) -> None:
    """The error names the step, and the candidates that can."""
    pipeline = (
        Pipeline.builder("failing")
        .with_dataset("lines")
        .with_prompt("bare")
        .with_model("echo", name="loud", fine_tune=False)
        .with_model("echo", name="tuned", trainer={"fails": True})
        .with_evaluator("echo-score")
    )
    run = pipeline.run(store=LocalStore(tmp_path / "runs"), progress=Progress(), registry=registry).run

    with pytest.raises(
        SpecError, match=rf"has no result: step 'train.tuned.bare.lines' failed; compare the others: {run.id}:loud"
    ):
        _read(RunSource(run))
    assert ["loud"] == [results.candidate for results, _ in _read(RunSource(run, "loud"))]


def test_a_comparison_can_be_compared_again(tmp_path: Path, registry: Registry) -> None:
    """Its records keep their keys, and what its scores rest on."""
    files = [scores(tmp_path / f"{name}.csv", [1, 0, 1]) for name in "ab"]
    run = compare_files(tmp_path, registry, *files).run

    results = _read(RunSource(run))
    again = compare_files(tmp_path, registry, f"{run.id}:a", scores(tmp_path / "c.csv", [1, 1, 1]))

    assert [["q0", "q1", "q2"]] * 2 == [[row.key for row in rows] for _, rows in results]
    names: list[Any] = [cell.candidate for cell in again.leaderboards[0].cells]
    assert {"a", "c"} == set(names)
