"""What the tests of the record share: a store of each kind, and a plan."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmops_sdk import LocalStore, Pipeline, Plan
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.record.stores import Store
from llmops_sdk.testing import MemoryStore


@pytest.fixture(name="store", params=["local", "memory"])
def _store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return LocalStore(tmp_path / "runs") if request.param == "local" else MemoryStore()


@pytest.fixture(name="plan")
def _plan(registry: Registry) -> Plan:
    pipeline = Pipeline.builder("Echo, 2nd try!").with_dataset("lines").with_prompt("bare")
    return pipeline.with_model("echo", fine_tune=False).with_evaluator("echo-score").build(registry)
