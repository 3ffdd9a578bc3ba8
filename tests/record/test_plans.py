"""The plans of a store: written once, found by their hash."""

from __future__ import annotations

import json

import pytest

from llmops_sdk import Plan, RecordError, Run, RunNotFoundError
from llmops_sdk.record.plans import read_plan, write_plan
from llmops_sdk.record.stores import Store


def test_two_runs_share_one_plan(store: Store, plan: Plan) -> None:
    """It is addressed by its hash, and read back as it was."""
    for _ in range(2):
        Run.create(store, plan)

    assert [f"plans/{plan.hash}/plan.json"] == list(store.list("plans/"))
    assert plan == read_plan(store, plan.hash)
    assert plan.json == json.loads(store.get(f"plans/{plan.hash}/plan.json") or b"")


def test_a_missing_or_damaged_plan_is_an_error(store: Store, plan: Plan) -> None:
    """It names the file."""
    with pytest.raises(RunNotFoundError, match=rf"the plan '.*{plan.hash}/plan\.json' is missing from the store"):
        read_plan(store, plan.hash)
    write_plan(store, plan)
    store.put(f"plans/{plan.hash}/plan.json", b'{"name": "x"}')

    with pytest.raises(RecordError, match=r"plan\.json' is damaged: it was changed"):
        read_plan(store, plan.hash)
