"""Reporters and executors: a small run that is reported, or that is run."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from llmops_sdk.plugin.interfaces import Reporter
from llmops_sdk.progress import Progress
from llmops_sdk.record.layout import RUNS
from llmops_sdk.record.local_store import LocalStore
from llmops_sdk.record.run import Run
from llmops_sdk.testing.rules.trial import Trial
from llmops_sdk.testing.small_run import run_small
from llmops_sdk.values.serial import file_sha256


def try_reporter(trial: Trial) -> Any:
    """Report a run in which a candidate failed; return the hashes of the files that were written."""
    reporter = trial.make()
    if not isinstance(reporter, Reporter):
        trial.stop("card", f"its implementation is a {type(reporter).__name__}, not a Reporter")
    source, run_id = trial.job.run
    store = trial.folder() / "store"
    shutil.copytree(source, store)
    before = _files(store)
    folder = trial.folder()
    run = Run.open(LocalStore(store), run_id)
    with trial.rule("interface", "report"):
        reporter.report(trial.context(folder), run)
    with trial.rule("interface", "report the same run again"):
        trial.make().report(trial.context(), run)
    changed = {name: sha256 for name, sha256 in _files(store).items() if before.get(name) != sha256}
    of_others = (name for name in changed if not name.startswith(f"{RUNS}{run_id}/"))
    for name in [*before.keys() - _files(store).keys(), *of_others]:
        trial.broken("own-folder", f"it changed {name!r} of the store; a reporter keeps files with run.put")
    outside = {str(path): _files(path) for path in trial.inputs.writes}
    return {"of the run": changed, "outside": outside}


def _files(folder: Path) -> dict[str, str]:
    if folder.is_file():
        return {folder.name: file_sha256(folder)}
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): file_sha256(path) for path in paths}


def try_executor(trial: Trial) -> Any:
    """Run a small pipeline on it; return the scores."""
    from llmops_sdk.steps.executor import Executor

    executor = trial.make()
    if not isinstance(executor, Executor):
        trial.stop("card", f"its implementation is a {type(executor).__name__}, not an Executor")
    trial.keep("interface")
    if trial.skips("seed"):
        return None
    component = {"use": trial.card.name, **trial.inputs.options}
    with trial.rule("interface", "a small run on it"):
        result = run_small({"executor": component}, trial.registry, trial.folder(), Progress())
        boards = result.leaderboards
    return [{cell.candidate: cell.estimates["exact"].mean for cell in board.cells} for board in boards]
