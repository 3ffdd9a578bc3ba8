"""The names of the files: one module spells them, and reads them back."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import llmops_sdk
from llmops_sdk.record.layout import (
    ArtifactLayout,
    PlanAddress,
    RunLayout,
    address_of,
    plan_key,
    plan_uri,
    run_id_of,
    split_plan_uri,
    split_run_uri,
)


def test_no_other_module_spells_a_key() -> None:
    """Neither the core nor a shipped plugin has a text with a prefix of the layout."""
    core = Path(llmops_sdk.__file__).parent
    spelt = re.compile(r"""f?["'](runs|plans|artifacts|locks)/""")

    found = [
        f"{path.relative_to(core.parents[1])}: {line.strip()}"
        for folder in (core, core.parents[1] / "plugins")
        for path in folder.rglob("*.py")
        if path.name != "layout.py"
        for line in path.read_text(encoding="utf-8").splitlines()
        if spelt.search(line)
    ]

    assert [] == found


def test_keys_are_read_back() -> None:
    """A run and an artifact are known by the one key that says that they exist."""
    run, artifact = RunLayout("a-1"), ArtifactLayout("model/1f")

    assert "a-1" == run_id_of(run.metadata)
    assert "" == run_id_of(run.step("run.json"))
    assert "model/1f" == address_of(artifact.value)
    assert "" == address_of(artifact.file("final/artifact.json"))
    assert "generate.echo" == run.log_name(run.log("generate.echo"))


@pytest.mark.parametrize(
    "store_uri",
    ["s3://bucket/llmops", "s3://bucket/a/plans/b?region=us-east-1&kms_key=alias/x", "/home/me/llmops-runs"],
)
def test_a_plan_has_a_uri(store_uri: str) -> None:
    """It names the store and the plan, whatever the store's own path and query are."""
    uri = plan_uri(store_uri, "1f")

    assert plan_key("1f") in uri
    assert PlanAddress(store_uri, "1f") == split_plan_uri(uri)


def test_other_uris_are_no_plans() -> None:
    """The error quotes the URI."""
    with pytest.raises(ValueError, match="not the URI of a plan: 's3://bucket/plans/1f'"):
        split_plan_uri("s3://bucket/plans/1f")


def test_a_run_has_a_uri() -> None:
    """Without an ID it is the latest run of the store."""
    assert ("s3://b/p", "a-1") == (
        split_run_uri("s3://b/p/runs/a-1/").store_uri,
        split_run_uri("s3://b/p/runs/a-1/").run_id,
    )
    assert "latest" == split_run_uri("s3://b/p").run_id
