"""What a clean frees, as it is printed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from llmops_sdk.clean.cleanup import Cleanup
from llmops_sdk.cli.output.cleanup import show_cache, show_cleanup

if TYPE_CHECKING:
    import pytest

CLEANUP = Cleanup(
    is_done=False,
    size=3_210_000_000,
    remaining=0,
    runs={"a-1": "45 d old"},
    kept={"b-2": "it is running on 'host', process 7"},
    artifacts={"model": 2, "scores": 1},
    artifact_sizes={"scores": 10, "model": 3_000_000_000},
    plans=1,
    leftovers=1,
    restored=0,
    notes=("artifacts are not freed",),
    is_complete=True,
)


def test_the_largest_kind_of_artifact_comes_first(capsys: pytest.CaptureFixture[str]) -> None:
    """After the runs with their reasons, those that are kept, and notes."""
    show_cleanup(CLEANUP)

    assert (
        "to free  run a-1: 45 d old\n"
        "kept     run b-2: it is running on 'host', process 7\n"
        "note     artifacts are not freed\n"
        "3.2 GB to free: 1 run, 3 artifacts: model 2 (3.0 GB), scores 1 (10 bytes), 1 plan, "
        "what is left of 1 run; 0 bytes remain in the store\n"
    ) == capsys.readouterr().out


def test_many_runs_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    """A hundred lines help nobody."""
    show_cleanup(attrs.evolve(CLEANUP, is_done=True, runs={f"r-{number}": "named" for number in range(100)}))

    out = capsys.readouterr().out
    assert "freed    run r-29: named\n… and 70 more runs\n" in out
    assert "freed 3.2 GB: 100 runs, " in out


def test_an_empty_cache_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """With the folder."""
    show_cache(Path("home"), (), 0)

    assert "nothing to free in home\n" == capsys.readouterr().out
