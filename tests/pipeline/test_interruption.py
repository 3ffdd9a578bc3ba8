"""What a stopped run says: how to resume it, and how to delete what it may have left."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from llmops_sdk import Pipeline
from llmops_sdk.pipeline.interruption import interrupted_run, resume_command
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.record.local_store import LocalStore
from llmops_sdk.record.run import Run
from llmops_sdk.record.stores import DEFAULT_STORE
from llmops_sdk.values.resources import Resource


def test_a_stopped_run_names_the_command_that_resumes_it(registry: Registry, tmp_path: Path) -> None:
    """Nothing is left of it, so nothing needs to be deleted."""
    run = _run(registry, tmp_path)

    stopped = interrupted_run(run)

    expected = f"completed work is saved; resume with: llmops run --resume {run.id} --store {tmp_path}"
    assert expected == stopped.advice
    in_python = f"or in Python: llmops_sdk.resume({run.id!r}, store={str(tmp_path)!r})"
    assert f"run {run.id!r} was stopped; {expected}, {in_python}" == str(stopped)


def test_other_uncaught_errors_are_shown_as_before(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A script that a signal stops ends with one sentence and the signal's exit code; its other errors are not touched."""
    shown: list[BaseException] = []
    monkeypatch.setattr(sys, "excepthook", lambda _kind, error, _traceback: shown.append(error))
    stopped, other = interrupted_run(_run(registry, tmp_path)), ValueError("other")

    sys.excepthook(ValueError, other, None)
    with pytest.raises(SystemExit) as end:
        sys.excepthook(type(stopped), stopped, None)

    assert [other] == shown
    assert 130 == end.value.code
    assert f"{stopped}\n" == capsys.readouterr().err


def test_an_endpoint_in_the_ledger_is_named_as_billed(registry: Registry, tmp_path: Path) -> None:
    """A run whose resource was not deleted names the command that deletes it, until it is deleted."""
    run, endpoint = _run(registry, tmp_path), Resource("endpoint", "e-1")
    run.add_resource(endpoint, "generate.echo")
    assert f"delete them with: llmops gc --run {run.id} --store {tmp_path}" in interrupted_run(run).advice

    run.mark_deleted(endpoint, "generate.echo")
    assert "llmops gc" not in interrupted_run(run).advice


def test_the_default_store_is_not_named() -> None:
    """Commands look there anyway; another store is quoted for the shell."""
    assert "llmops run --resume r-1" == resume_command("r-1", str(Path(DEFAULT_STORE).absolute()))
    assert "llmops run --resume r-1 --store 'my runs'" == resume_command("r-1", "my runs")


def _run(registry: Registry, folder: Path) -> Run:
    pipeline = Pipeline.builder("p").with_dataset("lines").with_prompt("bare").with_model("echo", fine_tune=False)
    return Run.create(LocalStore(folder), pipeline.with_evaluator("echo-score").build(registry))
