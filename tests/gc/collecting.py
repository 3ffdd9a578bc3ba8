"""What the tests of `gc` share: collect leftovers at once, and look at their statuses."""

from __future__ import annotations

from typing import Any

from llmops_sdk.gc.delete import delete_leftovers
from llmops_sdk.gc.find import find_leftovers
from llmops_sdk.gc.leftover import Choice, Leftovers
from llmops_sdk.plugin import Runtime
from llmops_sdk.record.stores import Store


def collect(store: Store, runtime: Runtime, **choice: Any) -> Leftovers:
    """Find and delete leftovers, without waiting long for busy ones."""
    return delete_leftovers(find_leftovers(store, runtime, Choice(**choice)), runtime, patience=1)


def statuses(leftovers: Leftovers) -> list[tuple[str, str]]:
    """Return the kind and the status of each."""
    return [(item.resource.kind, item.status) for item in leftovers.items]
