"""The process in which cards are tried."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from llmops_sdk.testing.rules import child
from llmops_sdk.testing.rules.child import ChildResult, run_child
from llmops_sdk.testing.rules.trials import temporary_place

MODULE = """
import subprocess
import sys
import numpy
sys.modules.setdefault("torch", numpy)
subprocess.run([sys.executable, "-c", "print('from a program')"])
"""


def run(jobs: list[object], modules: list[str], hooks: str = "") -> ChildResult:
    """Try jobs in a new process."""
    with temporary_place() as place:
        return run_child(jobs, modules, hooks, place)


def test_heavy_imports_and_prints_of_programs_are_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the hooks, by the names of the libraries."""
    (tmp_path / "heavy_hooks.py").write_text(MODULE, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)

    result = run([], ["heavy_hooks"], "heavy_hooks")

    assert {"numpy", "torch"} <= set(result.heavy)
    assert "from a program" == result.printed
    assert "" == result.failure
    assert "heavy_hooks" not in sys.modules


@pytest.mark.parametrize(
    ("jobs", "modules", "reason"),
    [
        ([], ["no_such_module"], "module 'no_such_module' cannot be imported there: ModuleNotFoundError"),
        ([lambda: None], [], "it cannot be sent to another process"),
    ],
)
def test_what_cannot_be_imported_or_sent_is_a_reason(jobs: list[object], modules: list[str], reason: str) -> None:
    """No process is started for what cannot be sent."""
    assert reason in run(jobs, modules).failure


def test_trials_that_do_not_end_are_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason states after how long."""
    monkeypatch.setattr(child, "SECONDS", 0.01)

    assert "the trials took more than 0.01 s" == run([], []).failure
