"""Whole runs: the article's pipeline, commands and their output, and what is left."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from llmops_sdk import Pipeline, Progress, Run
from llmops_sdk.cli.main import main
from llmops_sdk.plugin.stores import open_store
from llmops_sdk.record.runs import list_runs

from ...plugins.sagemaker.fixtures import SETTINGS, Cloud

if TYPE_CHECKING:
    import pytest

QUICK = {"poll_seconds": 0.01}
TRAIN, GENERATE, CELL = (
    "train.llama-2-7b.alpaca.sample",
    "generate.llama-2-7b.alpaca.sample",
    "llama-2-7b.alpaca.sample",
)
RECORDS = 4

_NONE: Mapping[str, Any] = {}


def article(
    use: str = "llama-2-7b",
    *,
    settings: Mapping[str, Any] = _NONE,
    trainer: Mapping[str, Any] = _NONE,
    deployer: Mapping[str, Any] = _NONE,
    **model: Any,
) -> Pipeline:
    """Return the article's pipeline, with installed plugins and bundled records only."""
    return (
        Pipeline.builder("article")
        .with_dataset("sample", test_fraction=0.2, seed=42, max_test_records=RECORDS)
        .with_prompt("alpaca")
        .with_model(
            use,
            **{"accept_eula": True, "tolerate_vulnerable_model": True, **model},
            trainer={**QUICK, **trainer} if model.get("fine_tune") is not False else None,
            deployer={**QUICK, **deployer},
        )
        .with_evaluator("text-metrics")
        .with_settings("sagemaker", **{**SETTINGS, **settings})
    )


class Deleting(Progress):
    """Deletes a folder once a pipeline has started; `started` has what it logged then.

    Args:
        folder: The folder.
    """

    def __init__(self, folder: Path) -> None:
        self.started: list[str] = []
        self._folder = folder

    def log(self, text: str) -> None:
        if text.startswith("pipeline llmops-"):
            shutil.rmtree(self._folder)
            self.started.append(text)


def written(pipeline: Pipeline, folder: Path) -> str:
    """Write the specification of a pipeline, and return its path."""
    path = folder / "pipeline.yaml"
    path.write_text(pipeline.to_yaml(), encoding="utf-8")
    return str(path)


@attrs.frozen
class Ended:
    """The end of a command: its exit code, error messages and output."""

    code: int
    errors: tuple[str, ...]
    output: str


def llmops(capsys: pytest.CaptureFixture[str], *arguments: str) -> Ended:
    """Run a command."""
    capsys.readouterr()
    code = main(list(arguments))
    captured = capsys.readouterr()
    output = captured.out + captured.err
    lines = (line for line in output.splitlines() if line.startswith("error: "))
    return Ended(code, tuple(line.removeprefix("error: ") for line in lines), output)


def the_runs(store: str) -> list[Run]:
    """Return the runs of a store, oldest first."""
    opened = open_store(store)
    return [Run.open(opened, metadata.run) for metadata in list_runs(opened)]


def the_run(store: str) -> Run:
    """Return the only run of a store."""
    (run,) = the_runs(store)
    return run


def still_in_ledger(run: Run) -> set[str]:
    """Return the resources that may still exist according to the ledger."""
    return {f"{entry.resource.kind} {entry.resource.name}" for entry in run.ledger() if entry.deleted is None}


def collect(capsys: pytest.CaptureFixture[str], store: str, cloud: Cloud) -> str:
    """Run `gc`, check that nothing is left in the account or a ledger, and return its output."""
    ended = llmops(capsys, "gc", "--store", store)
    assert 0 == ended.code, ended.output
    assert [] == cloud.left()
    assert set() == {left for run in the_runs(store) for left in still_in_ledger(run)}
    return ended.output
