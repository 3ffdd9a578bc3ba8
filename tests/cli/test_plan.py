"""The commands `plan` and `compile`."""

from __future__ import annotations

import json
from pathlib import Path

from llmops_sdk import Pipeline
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.values.plan import Plan

from .conftest import Command


def test_plan_shows_every_default(llmops: Command, folder: Path, registry: Registry) -> None:
    """A file with one model is planned with all defaults; as JSON it is the plan itself."""
    (folder / "one.yaml").write_text("models: [smollm2]\n", encoding="utf-8")

    shown = llmops("plan", "one.yaml", "--offline").text
    plan = Plan.from_json(json.loads(llmops("plan", "one.yaml", "--offline", "--json").out))

    for default in ("dolly", "category='summarization'", "alpaca", "rank=16", "max_new_tokens=128", "rougeL"):
        assert default in shown
    assert Pipeline.from_yaml(folder / "one.yaml").build(registry, offline=True) == plan


def test_plan_counts_candidates_and_fine_tuned_models(llmops: Command) -> None:
    """The first line is a summary of what would run."""
    first, *_ = llmops("plan", "echoes.yaml").out.splitlines()

    assert "pipeline 'echoes': 2 candidates on 1 dataset, fine-tunes no model, 6 steps" == first


def test_plan_takes_overrides(llmops: Command) -> None:
    """`--set` changes what is planned, and `--on` the executor."""
    shown = llmops("plan", "echoes.yaml", "--set", "generation.max_new_tokens=7", "--on", "local").text

    assert "max_new_tokens=7" in shown
    assert "executor local" in shown


def test_compile_refuses_a_local_pipeline(llmops: Command) -> None:
    """Only a remote executor has a definition to print."""
    assert "local" in llmops("compile", "echoes.yaml", code=2).err
