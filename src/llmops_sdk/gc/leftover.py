"""A resource that may have outlived its run, and what is known of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Literal

import attrs

from llmops_sdk.errors import SpecError
from llmops_sdk.values.resources import Resource

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}

Status = Literal["remove", "spare", "removed", "left"]


@attrs.frozen(kw_only=True)
class Choice:
    """Which leftovers are removed.

    Attributes:
        run_id: Those of this run only; empty means of all.
        older_than: Those that are older (seconds), whether they have expired or not; by default, those in a ledger of
            which no step is being executed, and tagged ones that have expired.
        force: Also what a step that is being executed uses and a training that would be resumed, and of a named run
            what has not expired and what was kept as the user wished.
        spare_kept: Not what was kept as the user wished, even by force.
    """

    run_id: str = ""
    older_than: float | None = None
    force: bool = False
    skip_kept: bool = False


@attrs.frozen(kw_only=True)
class Leftover:
    """A resource that may have outlived its run.

    Attributes:
        resource: What it is.
        run_id: The run that made it.
        step: The step that made it, or empty.
        status: Whether it is to be removed or spared; after `remove`, whether it was removed or is left.
        reason: Why it is to be removed or spared.
        age: Seconds since it was made.
        state: What the service says of it, or empty.
        billed: What is billed for it by the hour, or empty where nothing is or nobody says.
        error: Why it is left.
        delete: Deletes it.
    """

    resource: Resource
    run_id: str
    step: str
    status: Status
    reason: str
    age: float
    state: str = ""
    billed: str = ""
    error: str = ""
    delete: Callable[[], None] = attrs.field(repr=False, eq=False)


@attrs.frozen
class Unreachable:
    """A place that could not be looked at.

    Attributes:
        place: What it is.
        error: Why.
        needed: Whether a run of the store may have left something there.
    """

    place: str
    error: str
    needed: bool


@attrs.frozen
class Leftovers:
    """What was found, and what could not be looked at."""

    found: tuple[Leftover, ...]
    unreachable: tuple[Unreachable, ...]

    @property
    def json(self) -> dict[str, Any]:
        """What `llmops gc --json` writes."""
        told = attrs.filters.exclude(attrs.fields(Leftover).delete)
        return {
            "found": [attrs.asdict(item, filter=told) for item in self.found],
            "blind": [attrs.asdict(unreachable) for unreachable in self.unreachable],
        }

    @property
    def clean(self) -> bool:
        """Whether nothing is left that should be removed."""
        return not any(item.status in ("remove", "left") for item in self.found) and not any(
            unreachable.needed for unreachable in self.unreachable
        )


def parse_age(text: str) -> float:
    """Return the seconds that a text such as `90s`, `30m`, `2h` or `1.5d` says.

    >>> parse_age("1.5h")
    5400.0

    Raises:
        SpecError: It says no time.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smhd])", text.strip())
    if found is None:
        message = f"an age is a number and a unit, such as '90s', '30m', '2h' or '1.5d', not {text!r}"
        raise SpecError(message)
    return float(found[1]) * _UNITS[found[2]]


def format_age(seconds: float) -> str:
    """Say a time in its largest fitting unit.

    >>> tell_age(40), tell_age(90 * 60), tell_age(3 * 86400)
    ('40 s', '1.5 h', '3 d')
    """
    unit = next((unit for unit in ("d", "h", "m") if seconds >= _UNITS[unit]), "s")
    return f"{round(seconds / _UNITS[unit], 1):g} {'min' if unit == 'm' else unit}"
