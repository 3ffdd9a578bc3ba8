"""Writing a sheet and reading it back: what becomes of the run where the conclusion fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmops_sdk import DataError, LocalStore, Pipeline, Progress, Run
from llmops_sdk.pipeline.grading import grade
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.steps.cell.grades import read_grades
from llmops_sdk.values.step_records import Failed


def test_a_conclusion_that_fails_leaves_the_run_as_it_was(
    tmp_path: Path,
    home: Path,  # noqa: ARG001 - nothing is cached outside the test
    registry: Registry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No grades, and the record of the earlier conclusion."""
    monkeypatch.setattr(Registry, "load", classmethod(lambda _cls: registry))
    pipeline = (
        Pipeline.builder("echo")
        .with_dataset("lines")
        .with_prompt("bare")
        .with_model("echo", name="loud", fine_tune=False)
        .with_evaluator("echo-score")
    )
    run = pipeline.run(store=LocalStore(tmp_path / "runs"), registry=registry, progress=Progress()).run
    path = tmp_path / "ann.csv"
    sheet = grade.write_sheet(run, 3, path)
    rows = [f"{row.id},0.{place}" for place, row in enumerate(sheet.rows)]
    path.write_text("\n".join(["id,grade", *rows]), encoding="utf-8")
    before = run.record("compare")

    def fail(run: Run, name: str, _runtime: object) -> Failed:
        record = Failed(name, "no space left", "", name, 0.0, 0.0)
        run.write_record(record)
        return record

    monkeypatch.setattr(grade, "run_step", fail)
    with pytest.raises(DataError, match="cannot be used: no space left"):
        grade.read_sheets(run, [path])

    assert read_grades(run) is None
    assert before == Run.open(run.store, run.id).record("compare")
