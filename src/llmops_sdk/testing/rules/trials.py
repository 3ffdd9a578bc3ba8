"""The trial of each kind of card, and what is tried with all: their options, what they print, open and write."""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

import attrs

from llmops_sdk.plugin.cards import CardKind
from llmops_sdk.plugin.isolation import PLUGIN_FAILURES, describe_failure
from llmops_sdk.testing.rules.data import try_dataset, try_prompt, try_retriever
from llmops_sdk.testing.rules.importing import try_importer
from llmops_sdk.testing.rules.models import try_model, try_trainer
from llmops_sdk.testing.rules.report import RULES
from llmops_sdk.testing.rules.running import try_executor, try_reporter
from llmops_sdk.testing.rules.scoring import try_evaluator
from llmops_sdk.testing.rules.serving import try_deployer
from llmops_sdk.testing.rules.storing import try_orphan_finder, try_store
from llmops_sdk.testing.rules.trial import Job, Outcome, StopTrial, Trial, show
from llmops_sdk.testing.rules.watch import Watch
from llmops_sdk.values.serial import explain, from_json

TRIALS: dict[CardKind, Callable[[Trial], Any]] = {
    "dataset": try_dataset,
    "prompt": try_prompt,
    "model": try_model,
    "trainer": try_trainer,
    "deployer": try_deployer,
    "evaluator": try_evaluator,
    "executor": try_executor,
    "reporter": try_reporter,
    "importer": try_importer,
    "store": try_store,
    "orphan-finder": try_orphan_finder,
    "retriever": try_retriever,
}

_WITHOUT_IMPLEMENTATION = {"options", "offline", "own-folder", "standard-output", "light-import", "inputs"}
"""The rules that are checked where the implementation is not tried."""


def run_trial(job: Job, place: Path, watch: Watch | None = None) -> Outcome:
    """Try a card once, and return what was found out.

    Args:
        job: What is tried.
        place: The folder of the trial.
        watch: What watches this process; without it, connections and files are not seen.
    """
    trial = Trial(job, place)
    printed = io.StringIO()
    with redirect_stdout(printed):
        if watch is None:
            _run(trial)
        else:
            allowed = [place / "work", place / "home", Path(tempfile.gettempdir()), *job.inputs.writes]
            with watch.watching(allowed) as seen:
                _run(trial)
            _note_seen(trial, seen)
    if text := printed.getvalue().strip():
        trial.broken("standard-output", f"it printed {show(text)}")
    trial.keep("standard-output")
    return trial.outcome


def _run(trial: Trial) -> None:
    try:
        if not trial.skips("options"):
            _try_options(trial)
        if trial.inputs.untried:
            _leave_out_others(trial)
            return
        trial.outcome.result = TRIALS[trial.card.kind](trial)
    except StopTrial:
        pass
    except PLUGIN_FAILURES as exc:  # in code of the plugin that no rule names
        trial.broken("interface", describe_failure(exc))


def _leave_out_others(trial: Trial) -> None:
    for rule in RULES:
        if rule not in _WITHOUT_IMPLEMENTATION:
            trial.leave_out(rule, trial.inputs.untried)


def _note_seen(trial: Trial, seen: list[tuple[str, str]]) -> None:
    """Note what was refused. What the plugin raised because of that is no further problem."""
    if seen:
        trial.outcome.problems = [
            (rule, reason)
            for rule, reason in trial.outcome.problems
            if "which the check of plugins refuses" not in reason
        ]
    for rule, reason in seen:
        trial.broken(rule, reason)
    trial.keep("offline", "own-folder")


def _try_options(trial: Trial) -> None:
    """Write the options as JSON, and read them again."""
    options = trial.options()
    trial.keep("options")
    try:
        mapping = options.to_mapping()
        text = json.dumps(mapping, allow_nan=False)
    except Exception as exc:  # noqa: BLE001 - whatever it raises is noted
        trial.broken("options", f"to_mapping is no JSON: {exc}")
        return
    names = [field.name for field in attrs.fields(type(options))]
    if sorted(mapping) != sorted(names):
        trial.broken(
            "options",
            f"to_mapping has {', '.join(sorted(mapping)) or 'nothing'}, and the options are {', '.join(sorted(names))}",
        )
        return
    try:
        again = from_json(json.loads(text), type(options))
    except Exception as exc:  # noqa: BLE001 - whatever it raises is noted
        trial.broken("options", f"they cannot be made from their own to_mapping, {show(mapping)}: {explain(exc)}")
        return
    for name in names:
        before, after = getattr(options, name), getattr(again, name)
        if before != after:
            trial.broken("options", f"{name} was {show(before)}, and after JSON and back {show(after)}")


@contextmanager
def temporary_place() -> Iterator[Path]:
    """Yield a folder for trials, which is deleted afterwards."""
    with tempfile.TemporaryDirectory(prefix="llmops-check-") as folder:
        place = Path(folder).resolve()
        for name in ("home", "tmp", "cwd"):
            (place / name).mkdir()
        yield place
