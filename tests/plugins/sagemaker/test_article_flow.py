"""The article's flow, as one pipeline on a laptop: what AWS is asked, request by request."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from llmops_sdk import Pipeline
from llmops_sdk.registry import Registry

from .conftest import SETTINGS, Cloud, Edit, RuntimeServer


def article(**model: Any) -> Pipeline:
    """The article's pipeline, on records that are bundled and with a metric that needs nothing."""
    return (
        Pipeline.builder("summaries")
        .with_dataset("sample", test_fraction=0.2, seed=42, max_test_records=3)
        .with_prompt("alpaca")
        .with_model(
            "llama-2-7b",
            accept_eula=True,
            tolerate_vulnerable_model=True,
            trainer={
                "hyperparameters": {"instruction_tuned": "True", "epoch": "1", "max_input_length": "1024"},
                "poll_seconds": 0.01,
            },
            deployer={"poll_seconds": 0.01},
            **model,
        )
        .with_evaluator("echo-score")
        .with_settings("sagemaker", **SETTINGS)
    )


def test_whole(
    cloud: Cloud, runtime: RuntimeServer, jumpstart: Edit, registry: Registry, home: Path, tmp_path: Path
) -> None:
    result = article().run(store=tmp_path / "runs", registry=registry)
    print(
        json.dumps(
            [(c.action, c.request) for c in cloud.calls if c.service == "sagemaker" and c.action.startswith("Create")],
            indent=1,
        )
    )
    print(runtime.asked[:1])
    assert not result.failures, result.failures
    assert cloud.left() == []
