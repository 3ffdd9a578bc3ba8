"""The command `gc`."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from llmops_sdk import Pipeline, Run
from llmops_sdk.plugin import Resource
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.record.local_store import LocalStore

from .conftest import Command

STEP = "generate.loud"


@pytest.fixture(name="run")
def _run(folder: Path, registry: Registry) -> Run:
    """A run whose ledger has a resource."""
    registry._offers.pop(("orphan-finder", "sagemaker"), None)
    plan = Pipeline.from_yaml(folder / "echoes.yaml").build(registry)
    run = Run.create(LocalStore(folder / "llmops-runs"), plan)
    run.add_resource(Resource("endpoint", "name"), STEP)
    return run


def test_a_dry_run_deletes_nothing(llmops: Command, run: Run) -> None:
    """It shows each resource with its run, step and reason; something to delete is exit code 3."""
    done = llmops("gc", "--dry-run", code=3)

    assert re.search(r"^to delete +endpoint name +[\d.]+ s old *$", done.out, re.MULTILINE)
    assert f"run {run.id}, step {STEP}" in done.out
    assert "no process is running its step" in done.out
    assert done.out.rstrip().endswith("1 to delete")
    assert [None] == [entry.deleted for entry in run.ledger()]


def test_deleted_resources_are_listed(llmops: Command, run: Run) -> None:
    """Afterwards there is nothing left, which is exit code 0."""
    assert llmops("gc").out.rstrip().endswith("1 deleted")
    assert all(entry.deleted for entry in run.ledger())
    assert "runs left nothing behind\n" == llmops("gc").out


def test_json_has_the_reason_and_the_error(llmops: Command, run: Run, registry: Registry) -> None:
    """A resource that could not be deleted is exit code 3."""
    registry._offers.pop(("deployer", "echo-endpoint"))

    (item,) = json.loads(llmops("gc", "--json", "--wait", "0s", code=3).out)["leftovers"]

    assert ("failed", "endpoint", run.id) == (item["status"], item["resource"]["kind"], item["run_id"])
    assert "no deployer is called 'echo-endpoint'" in item["error"]


def test_an_empty_store_is_not_created(llmops: Command, folder: Path, registry: Registry) -> None:
    """A search leaves no trace."""
    registry._offers.pop(("orphan-finder", "sagemaker"), None)

    assert "runs left nothing behind\n" == llmops("gc", "--store", "elsewhere").out
    assert not (folder / "elsewhere").exists()


def test_an_age_without_a_unit_is_a_mistake(llmops: Command) -> None:
    """The message has examples."""
    assert "such as '90s', '30m', '2h' or '1.5d', not 'soon'" in llmops("gc", "--older-than", "soon", code=2).err
