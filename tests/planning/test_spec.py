"""Specifications: the names of their components."""

from __future__ import annotations

import pytest

from llmops_sdk.planning.spec import ComponentSpec, ModelSpec, Spec


@pytest.mark.parametrize("cls", [ComponentSpec, ModelSpec])
def test_a_component_is_called_as_its_card_unless_it_has_a_name(cls: type[ComponentSpec | ModelSpec]) -> None:
    """The name is needed only where a card is used twice."""
    assert "dolly" == cls("dolly").called
    assert "real" == cls("dolly", name="real").called


def test_an_empty_specification_runs_locally() -> None:
    """Everything else is empty, which means the default."""
    spec = Spec()

    assert "local" == spec.executor.use
    assert [] == [*spec.datasets, *spec.models, *spec.evaluators, *spec.reporters]
