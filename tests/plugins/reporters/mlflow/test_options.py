"""The options of the reporter `mlflow`."""

from __future__ import annotations

from typing import Any

import pytest

from llmops_sdk import Pipeline, Registry, SpecError
from llmops_sdk.plugin import MissingExtraError


def _build(registry: Registry, **options: Any) -> None:
    pipeline = Pipeline.builder("x").with_dataset("lines").with_prompt("bare").with_model("echo", fine_tune=False)
    pipeline.with_evaluator("echo-score").with_reporter("mlflow", **options).build(registry, offline=True)


def test_tags_of_the_reporter_itself_are_refused(registry: Registry) -> None:
    """A repeated report would not find what it wrote."""
    with pytest.raises(SpecError, match=r"the tag 'llmops\.run' cannot be set"):
        _build(registry, tags={"llmops.run": "mine"})


def test_a_password_in_the_address_is_refused(registry: Registry) -> None:
    """A plan holds no secret; MLflow reads it from MLFLOW_TRACKING_PASSWORD."""
    with pytest.raises(SpecError, match="tracking_uri") as refused:
        _build(registry, tracking_uri="https://me:hunter2@mlflow.example.com")

    assert "hunter2" not in str(refused.value)


def test_the_extra_is_named_where_it_is_missing(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before a run starts."""
    monkeypatch.setattr("llmops_sdk.plugin.registry.find_spec", lambda _name: None)

    with pytest.raises(MissingExtraError, match=r"reporter 'mlflow' needs mlflow: pip install .*\[mlflow\]"):
        _build(registry)
