"""The ledger of a run: the resources that could outlive it, each entered before it is created."""

from __future__ import annotations

import time

import attrs

from llmops_sdk.errors import RecordError
from llmops_sdk.record.files import read_json, sealed, to_value
from llmops_sdk.record.layout import RunLayout
from llmops_sdk.record.stores import Store
from llmops_sdk.values.resources import Resource
from llmops_sdk.values.serial import to_json


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

    @property
    def is_damaged(self) -> bool:
        """Whether the entry could not be read: only the name of its file is known, which is the resource's."""
        return not self.step


class Ledger:
    """The part of a run's record that has its resources."""

    store: Store
    _layout: RunLayout

    def add_resource(self, resource: Resource, step: str) -> None:
        """Write a resource into the ledger, before it is created."""
        self._write_entry(LedgerEntry(resource, step, entered=time.time()))

    def mark_kept(self, resource: Resource, step: str) -> None:
        """Note that a resource stays although its step has ended, as the user wished."""
        self._write_entry(LedgerEntry(resource, step, entered=time.time(), kept=True))

    def mark_deleted(self, resource: Resource, step: str) -> None:
        """Note that a resource is deleted; if a power cut loses that, `llmops gc` finds nothing to delete."""
        entry = LedgerEntry(resource, step, deleted=time.time())
        self.store.put(self._layout.resource(resource.kind, resource.name), sealed(to_json(entry)))

    def ledger(self) -> tuple[LedgerEntry, ...]:
        """Return all resources this run created or was about to create.

        Of an entry that is damaged, the resource is known from the name of its file, and the step is empty.
        """
        return read_ledger(self.store, self._layout)

    def _write_entry(self, entry: LedgerEntry) -> None:
        key = self._layout.resource(entry.resource.kind, entry.resource.name)
        self.store.put_durable(key, sealed(to_json(entry)))


def read_ledger(store: Store, layout: RunLayout) -> tuple[LedgerEntry, ...]:
    """Return the entries of the ledger of a run, of which nothing else must be readable; see `Ledger.ledger`."""
    return tuple(_read_entry(store, layout, key) for key in store.list(layout.ledger))


def _read_entry(store: Store, layout: RunLayout, key: str) -> LedgerEntry:
    try:
        entry: LedgerEntry = to_value(read_json(store, key), LedgerEntry, store, key)
    except RecordError:
        return LedgerEntry(layout.resource_of(key), step="")
    return entry
