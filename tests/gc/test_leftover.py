"""Leftovers: their JSON, and when there is nothing more to delete."""

from __future__ import annotations

import pytest

from llmops_sdk.gc.leftover import Leftover, Leftovers, Status, Unreachable
from llmops_sdk.plugin import Resource


def leftover(status: Status) -> Leftover:
    """Return a leftover of a status."""
    resource = Resource("endpoint", "name")
    return Leftover(resource=resource, run_id="r", step="", status=status, reason="", age=1.0, delete=lambda: None)


@pytest.mark.parametrize(("status", "clean"), [("delete", False), ("skip", True), ("deleted", True), ("failed", False)])
def test_clean_means_nothing_more_to_delete(status: Status, *, clean: bool) -> None:
    """Skipped and deleted resources leave nothing to do."""
    assert clean == Leftovers((leftover(status),), ()).clean


@pytest.mark.parametrize("needed", [True, False])
def test_an_unreachable_place_that_a_run_used_is_not_clean(*, needed: bool) -> None:
    """A place that no run of the store used does not matter."""
    assert (not needed) == Leftovers((), (Unreachable("cloud north", "no permission", needed),)).clean


def test_the_json_has_every_field_but_the_deletion() -> None:
    """`llmops gc --json` writes the resources and the unreachable places."""
    written = Leftovers((leftover("skip"),), (Unreachable("cloud", "no network", needed=False),)).json

    assert [{"place": "cloud", "error": "no network", "needed": False}] == written["unreachable"]
    (item,) = written["leftovers"]
    assert ({"kind": "endpoint", "name": "name"}, "skip") == (item["resource"], item["status"])
    assert "delete" not in item
