"""Which endpoints are measured under load, and with whose prompts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from llmops_sdk.errors import SpecError
from llmops_sdk.planning.costs.choose import deployer_billing
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.values.load import Load, PlannedLoad
from llmops_sdk.values.plan import GenerateStep, PlannedModel, Step


def plan_load(
    load: Load | None, models: Sequence[PlannedModel], steps: Iterable[Step], registry: Registry
) -> PlannedLoad | None:
    """Return which `generate` step measures the endpoint of each model: the first one of the model.

    Args:
        load: The load, or None.
        models: The models of the candidates; one whose answers are recorded has no endpoint.
        steps: The steps of the plan.
        registry: The plugins.

    Raises:
        SpecError: No model has an endpoint.
    """
    if load is None:
        return None
    waiting = {model.name for model in models if deployer_billing(model, registry).by != "nothing"}
    if not waiting:
        message = "load: recorded answers have no speed, and no model is asked; remove `load`"
        raise SpecError(message)
    cells: dict[str, str] = {}
    for step in steps:
        if isinstance(step, GenerateStep) and step.model in waiting:
            waiting.remove(step.model)
            cells[step.name] = step.cells[0]
    return PlannedLoad(load.concurrency, load.requests_each, cells)
