"""What runs left behind, and what takes space, as they are printed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from llmops_sdk.cleanup.cleanup import Cleanup
from llmops_sdk.cli.output.leftovers import show_cache, show_cleanup, show_leftovers
from llmops_sdk.gc.leftover import Leftover, Leftovers, Status, Unreachable
from llmops_sdk.plugin import Resource

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


def leftover(status: Status, **details: Any) -> Leftover:
    """Return an endpoint that is two hours old."""
    defaults = {"run_id": "run-1", "step": "generate.base", "reason": "no process is running its step"}
    resource = Resource("endpoint", "llmops-1")
    return Leftover(resource=resource, status=status, age=7200.0, delete=lambda: None, **{**defaults, **details})


def test_each_resource_is_shown_with_its_reason(capsys: pytest.CaptureFixture[str]) -> None:
    """Its state and age, its run and step, what is billed, and why it is to be deleted or not."""
    items = (leftover("delete", state="InService", billed="1 x ml.g5.2xlarge"), leftover("skip", reason="in use"))

    show_leftovers(Leftovers(items, ()))

    assert [
        "to delete  endpoint llmops-1  InService, 2 h old",
        "           run run-1, step generate.base; billed by the hour: 1 x ml.g5.2xlarge",
        "           no process is running its step",
        "skipped    endpoint llmops-1  2 h old",
        "           run run-1, step generate.base",
        "           in use",
        "1 to delete, 1 skipped",
    ] == capsys.readouterr().out.splitlines()


def test_listed_resources_have_prices(capsys: pytest.CaptureFixture[str]) -> None:
    """An unknown one is reported as such; the sum is that of the known ones."""
    items = (
        leftover("listed", billed="2 x ml.g5.2xlarge", price=3.03),
        leftover("listed", billed="1 x ml.p9.large"),
        leftover("listed"),
    )
    show_leftovers(Leftovers(items, ()))

    lines = capsys.readouterr().out.splitlines()
    assert "           run run-1, step generate.base; billed by the hour: 2 x ml.g5.2xlarge, 3.03 USD" == lines[1]
    assert "billed by the hour: 1 x ml.p9.large, price unknown" in lines[4]
    assert "3 listed; 3.03 USD an hour and 1 price unknown" == lines[-1]


def test_an_error_is_shown_instead_of_the_reason(capsys: pytest.CaptureFixture[str]) -> None:
    """Of a resource that could not be deleted."""
    show_leftovers(Leftovers((leftover("failed", error="access denied"), leftover("deleted")), ()))

    out = capsys.readouterr().out
    assert "access denied" in out
    assert "1 failed, 1 deleted" in out


def test_places_that_could_not_be_searched_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """Also where nothing was found."""
    show_leftovers(Leftovers((), (Unreachable("us-east-1", "no credentials", needed=True),)))

    assert [
        "runs left nothing behind",
        "not searched: us-east-1: no credentials",
    ] == capsys.readouterr().out.splitlines()


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
