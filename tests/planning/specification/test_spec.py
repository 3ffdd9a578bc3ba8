"""Specifications: what is left out."""

from __future__ import annotations

from llmops_sdk.planning.specification.spec import Spec


def test_an_empty_specification_runs_locally() -> None:
    """Everything else is empty, which means the default."""
    spec = Spec()

    assert "local" == spec.executor.use
    assert [] == [*spec.datasets, *spec.models, *spec.evaluators, *spec.reporters]
