"""A resource that may have outlived its run, and what is known of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import attrs

from llmops_sdk.values.resources import Resource

Status = Literal["delete", "skip", "deleted", "failed", "listed"]
"""`delete` and `skip` are decisions; after the deletion, `delete` has become `deleted` or `failed`. `listed` decides nothing."""


@attrs.frozen(kw_only=True)
class Choice:
    """Which leftovers are deleted.

    By default these are the resources in a ledger whose step is not running, and tagged ones that have expired.

    Attributes:
        run_id: Only those of this run; empty means of all runs.
        older_than: Those older than this many seconds, expired or not.
        force: Also those of running steps and training jobs that a resumed run can continue; with `run_id`, also those
            that have not expired and those that were kept as the user wished.
        skip_kept: Never those that were kept as the user wished, even with `force`.
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
        run_id: The run that created it.
        step: The step that created it, or empty.
        status: Whether it is to be deleted or skipped; afterwards, whether it was deleted or that failed.
        reason: Why it is to be deleted or skipped.
        age: Seconds since it was created.
        state: Its state as the service reports it, or empty.
        billed: What is billed for it by the hour; empty if nothing is, or if that is unknown.
        price: What that costs an hour, in US dollars; None if that is not known or was not asked for.
        error: Why it could not be deleted.
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
    price: float | None = None
    error: str = ""
    delete: Callable[[], None] = attrs.field(repr=False, eq=False)


@attrs.frozen
class Unreachable:
    """A place that could not be searched.

    Attributes:
        place: What it is.
        error: Why it could not be searched.
        needed: Whether a run of the store may have left something there.
    """

    place: str
    error: str
    needed: bool


@attrs.frozen
class Leftovers:
    """The resources that were found, and the places that could not be searched."""

    items: tuple[Leftover, ...]
    unreachable: tuple[Unreachable, ...]

    @property
    def json(self) -> dict[str, Any]:
        """What `llmops gc --json` writes."""
        shown = attrs.filters.exclude(attrs.fields(Leftover).delete)
        return {
            "leftovers": [attrs.asdict(item, filter=shown) for item in self.items],
            "unreachable": [attrs.asdict(place) for place in self.unreachable],
        }

    @property
    def clean(self) -> bool:
        """Whether there is nothing more to delete, as far as that can be known."""
        return not any(item.status in ("delete", "failed") for item in self.items) and not any(
            place.needed for place in self.unreachable
        )
