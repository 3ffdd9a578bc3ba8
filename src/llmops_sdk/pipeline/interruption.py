"""What to do after a run was stopped."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from llmops_sdk.errors import RunInterrupted, UserError
from llmops_sdk.record.run import Run
from llmops_sdk.record.stores import DEFAULT_STORE
from llmops_sdk.steps.signals import received_signal

_EARLIER_HOOKS: list[Callable[[type[BaseException], BaseException, TracebackType | None], Any]] = []
"""What showed uncaught errors before `_print_sentence`."""


def interrupted_run(run: Run) -> RunInterrupted:
    """Return the error for a run that a signal stopped, with what to type next.

    A script that does not catch it ends with its text, without a traceback.
    """
    if sys.excepthook is not _print_sentence:
        _EARLIER_HOOKS.append(sys.excepthook)
        sys.excepthook = _print_sentence
    advice = f"completed work is saved; resume with: {resume_command(run.id, run.store.uri)}"
    if may_have_resources(run):
        advice += f"\nresources of the run may still exist and be billed; delete them with: {gc_command(run)}"
    return RunInterrupted(run.id, run.store.uri, signal=received_signal(), advice=advice)


def resume_command(run_id: str, store: str) -> str:
    """Return the command that resumes a run."""
    return f"llmops run --resume {run_id}{_store_option(store)}"


def gc_command(run: Run) -> str:
    """Return the command that deletes what a run has left."""
    return f"llmops gc --run {run.id}{_store_option(run.store.uri)}"


def may_have_resources(run: Run) -> bool:
    """Return whether the ledger of a run has a resource that was not deleted, other than those kept on purpose."""
    try:
        return any(entry.deleted is None and not entry.kept for entry in run.ledger())
    except UserError:  # what cannot be read may be anything
        return True


def _print_sentence(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    """Print an interrupted run as its text; leave every other error to the hook that was there."""
    if isinstance(error, RunInterrupted):
        sys.stderr.write(f"{error}\n")
        raise SystemExit(128 + error.signal)  # the exit code of the script
    _EARLIER_HOOKS[-1](kind, error, traceback)


def _store_option(store: str) -> str:
    is_default = store in ("", DEFAULT_STORE) or Path(store) == Path(DEFAULT_STORE).absolute()
    return "" if is_default else f" --store {shlex.quote(store)}"
