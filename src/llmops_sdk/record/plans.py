"""The plans of a store: immutable, found by their hash."""

from __future__ import annotations

from llmops_sdk.errors import RunNotFoundError
from llmops_sdk.record.files import damaged, read_json, to_value
from llmops_sdk.record.layout import plan_key
from llmops_sdk.record.stores import Store
from llmops_sdk.values.plan import Plan
from llmops_sdk.values.serial import canonical, digest


def write_plan(store: Store, plan: Plan) -> None:
    """Write a plan, unless the store has it; one that is damaged is written again."""
    key = plan_key(plan.hash)
    data = canonical(plan.json)
    if store.get(key) != data:
        store.put_durable(key, data)


def read_plan(store: Store, plan_hash: str) -> Plan:
    """Return the plan with this hash.

    Raises:
        RunNotFoundError: The store does not have it.
        RecordError: Its file is damaged.
    """
    key = plan_key(plan_hash)
    data = read_json(store, key)
    if data is None:
        message = f"the plan {store.locate(key)!r} is missing from the store"
        raise RunNotFoundError(message)
    if digest(data) != plan_hash:
        raise damaged(store, key, "it was changed: its hash is another one")
    plan: Plan = to_value(data, Plan, store, key)
    return plan
