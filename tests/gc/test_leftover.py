"""Leftovers: their ages as text, their JSON, and when there is nothing more to delete."""

from __future__ import annotations

import pytest

from llmops_sdk import SpecError
from llmops_sdk.gc.leftover import Leftover, Leftovers, Status, Unreachable, format_age, parse_age
from llmops_sdk.plugin import Resource


def leftover(status: Status) -> Leftover:
    """Return a leftover of a status."""
    resource = Resource("endpoint", "name")
    return Leftover(resource=resource, run_id="r", step="", status=status, reason="", age=1.0, delete=lambda: None)


@pytest.mark.parametrize("text", ["2", "h", "-1h", "2 weeks", "1e3s", ""])
def test_an_age_needs_a_number_and_a_unit(text: str) -> None:
    """Anything else is refused with examples of ages."""
    with pytest.raises(SpecError, match="such as '90s', '30m', '2h'"):
        parse_age(text)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (59, "59 s"), (90, "1.5 min"), (7200, "2 h"), (129600, "1.5 d")]
)
def test_an_age_is_shown_in_its_largest_unit(seconds: float, text: str) -> None:
    """The unit is the largest of which there is at least one."""
    assert text == format_age(seconds)


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
