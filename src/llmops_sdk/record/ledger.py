"""A line of the ledger: a resource that could outlive its run."""

from __future__ import annotations

import attrs

from llmops_sdk.values.resources import Resource


@attrs.frozen
class LedgerEntry:
    """A resource as the ledger holds it.

    Attributes:
        resource: What it is.
        step: The step that creates it.
        entered: When it was entered, in seconds since the epoch.
        deleted: When it was deleted, in seconds since the epoch, or None while it may exist.
        kept: Whether its step ended and left it, as the user wished.
    """

    resource: Resource
    step: str
    entered: float = 0.0
    deleted: float | None = None
    kept: bool = False
