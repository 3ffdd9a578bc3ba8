"""Whole runs with recorded answers beside a model that is asked."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from llmops_sdk import LocalStore, Pipeline, Progress, Result, load, rescore
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.values.answers import Answered, Unanswered

_SPECIFICATION = """
name: recorded
datasets: [{use: lines, records: 20}]
prompts: [bare]
models:
  - {use: echo, name: asked, fine_tune: false}
  - {use: recorded, name: old, path: logged.csv, answer: said}
evaluators: [echo-score]
"""

_PROGRAM = """
    import os, signal, sys
    import llmops_sdk.testing
    from llmops_plugins.recorded.transport import RecordedTransport
    from llmops_sdk import Pipeline, Progress
    from llmops_sdk.plugin.registry import Registry

    answer, last = RecordedTransport.answer, int(sys.argv[2])

    def killed(transport, index, record, prompt):
        print("asked", index, flush=True, file=sys.__stderr__)
        if index == last:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer(transport, index, record, prompt)

    RecordedTransport.answer = killed
    registry = Registry.load()
    registry.add("testing", llmops_sdk.testing)
    Pipeline.from_yaml("recorded.yaml").run(store=sys.argv[1], registry=registry, progress=Progress())
"""


@pytest.fixture(name="folder")
def _folder(tmp_path: Path, home: Path) -> Path:  # noqa: ARG001 - nothing is cached outside the test
    """A specification, and the logged answers of an old model: to lines 2 to 19, and to one that is no record."""
    rows = [f"line {number},LINE {number if number % 3 else 0},{number}" for number in range(2, 20)]
    (tmp_path / "logged.csv").write_text(
        "\n".join(["prompt,said,latency_ms", *rows, "line 99,LINE 99,1"]), encoding="utf-8"
    )
    (tmp_path / "recorded.yaml").write_text(_SPECIFICATION, encoding="utf-8")
    return tmp_path


@pytest.fixture(name="result")
def _result(folder: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> Result:
    """A run of the specification."""
    monkeypatch.chdir(folder)
    return Pipeline.from_yaml("recorded.yaml").run(store=folder / "runs", registry=registry, progress=Progress())


def test_recorded_answers_are_compared_with_those_of_a_model(result: Result) -> None:
    """The builder and the file give the same plan; records that the file lacks are missing and counted."""
    outcomes = {sample.record["context"]: sample.outcome for sample in result.run.samples("old.bare.lines")}
    unanswered = {text for text, outcome in outcomes.items() if isinstance(outcome, Unanswered)}
    assert unanswered == outcomes.keys() & {"line 0", "line 1"}
    answered = [outcome.answer for outcome in outcomes.values() if isinstance(outcome, Answered)]
    assert {answer.latency for answer in answered} <= {number / 1000 for number in range(2, 20)}

    cells = {cell.model: cell for cell in result.leaderboards[0].cells}
    old = cells["old"]
    assert (10, 10 - len(unanswered), len(unanswered)) == (old.records, old.answered, old.missing)
    assert {} == old.failures
    assert old.endpoint["joined_by"] == "input (prompt)"
    assert old.endpoint["rows_without_record"].startswith(f"{19 - len(answered)}: line ")
    assert old.speed is not None
    assert old.speed.output_tokens_per_second is None
    assert old.estimates["exact"].mean < cells["asked"].estimates["exact"].mean == 1.0


def test_the_builder_makes_the_same_pipeline(
    result: Result, folder: Path, registry: Registry, asked: list[str]
) -> None:
    """So everything is reused; a changed file is read again, and no model is asked for it."""
    pipeline = (
        Pipeline.builder("recorded")
        .with_dataset("lines", records=20)
        .with_prompt("bare")
        .with_model("echo", name="asked", fine_tune=False)
        .with_model("recorded", name="old", path=str(folder / "logged.csv"), answer="said")
        .with_evaluator("echo-score")
    )
    assert result.run.plan == pipeline.build(registry)
    with (folder / "logged.csv").open("a", encoding="utf-8") as file:
        file.write("\nline 0,LINE 0,5\nline 1,LINE 1,6\n")
    asked.clear()

    again = pipeline.run(store=folder / "runs", registry=registry, progress=Progress())

    assert [] == asked
    assert [10, 10] == [cell.answered for cell in again.leaderboards[0].cells]


def test_new_metrics_need_no_file(result: Result, folder: Path, registry: Registry) -> None:
    """The answers are in the record."""
    (folder / "logged.csv").unlink()

    rescored = rescore(
        result.run.id,
        [{"use": "qa-accuracy", "metrics": ["f1"]}],
        metric="f1",
        store=LocalStore(folder / "runs"),
        progress=Progress(),
        registry=registry,
    )

    assert {"asked", "old"} == {cell.model for cell in rescored.leaderboards[0].cells if "f1" in cell.estimates}


def test_a_killed_run_resumes_with_the_remaining_records(folder: Path) -> None:
    """What was looked up is not looked up again; all test records are matched again, so the counts stay whole."""
    text = _SPECIFICATION.replace("records: 20", "records: 60")
    (folder / "recorded.yaml").write_text(text, encoding="utf-8")

    killed = _run(folder, kill_at=20)
    resumed = _run(folder, kill_at=-1)

    assert (-signal.SIGKILL, 0) == (killed.returncode, resumed.returncode)
    first, second = _asked(killed), _asked(resumed)
    assert list(range(21)) == first
    assert list(range(30)) == sorted({*first[:-1], *second})
    assert 0 not in second
    assert len({*first} & {*second}) <= 12  # what is on its way to the journal
    result = load("latest", store=LocalStore(folder / "runs"))
    (old,) = (cell for cell in result.leaderboards[0].cells if cell.model == "old")
    assert old.endpoint["matched"].endswith("of 30 records")


def _run(folder: Path, *, kill_at: int) -> subprocess.CompletedProcess[str]:
    program = textwrap.dedent(_PROGRAM)
    return subprocess.run(
        [sys.executable, "-c", program, str(folder / "runs"), str(kill_at)],
        cwd=folder,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=120,
    )


def _asked(done: subprocess.CompletedProcess[str]) -> list[int]:
    return [int(line.split()[1]) for line in done.stderr.splitlines() if line.startswith("asked ")]
