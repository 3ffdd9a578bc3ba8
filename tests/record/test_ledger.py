"""The ledger: what could outlive a run."""

from __future__ import annotations

import pytest

from llmops_sdk import Plan
from llmops_sdk.record.run import Run
from llmops_sdk.record.stores import Store
from llmops_sdk.values.resources import Resource


def test_the_ledger(store: Store, plan: Plan) -> None:
    """A resource is entered, kept or deleted; each has one entry."""
    run = Run.create(store, plan)
    one, two, three = (Resource("endpoint", name) for name in ("1", "2", "3"))
    for resource in (one, two, three):
        run.add_resource(resource, "generate.echo")
    run.mark_kept(two, "generate.echo")
    run.mark_deleted(three, "generate.echo")

    entries = run.ledger()

    assert [(one, False, False), (two, True, False), (three, False, True)] == [
        (entry.resource, entry.kept, entry.deleted is not None) for entry in entries
    ]


@pytest.mark.parametrize("data", [b"", b"{}", b"\0\0", b'{"resource"'])
def test_a_damaged_entry_of_the_ledger_still_names_its_resource(store: Store, plan: Plan, data: bytes) -> None:
    """The kind and the name are those of the file; it is taken for a resource that exists."""
    run = Run.create(store, plan)
    store.put(f"runs/{run.id}/ledger/endpoint-config.a.b.json", data)

    (entry,) = run.ledger()

    assert Resource("endpoint-config", "a.b") == entry.resource
    assert entry.deleted is None
    assert not entry.kept
