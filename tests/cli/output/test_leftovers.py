"""What runs left behind, as it is printed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmops_sdk.cli.output.leftovers import show_leftovers
from llmops_sdk.gc.leftover import Leftover, Leftovers, Status, Unreachable
from llmops_sdk.plugin import Resource

if TYPE_CHECKING:
    import pytest


def leftover(status: Status, **details: str) -> Leftover:
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
