"""How often a pipeline asks its models: repeats of each record, and a second time for the noise floor."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from llmops_sdk.errors import SpecError
from llmops_sdk.plugin.cards import DeployerCard
from llmops_sdk.plugin.checks import Check, Finding
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.values.generation_options import GenerationOptions, VariedOptions, vary
from llmops_sdk.values.plan import Cell, Plan, PlannedModel


def repeats_of(generation: GenerationOptions, deployer: DeployerCard) -> int:
    """Return how often a model is asked each record: once where its answers to it cannot differ.

    Args:
        generation: The options as the model gets them.
        deployer: What serves it.
    """
    return generation.repeats if _can_differ(generation, deployer) else 1


def check_repeats(generation: GenerationOptions, models: Sequence[PlannedModel]) -> None:
    """Refuse repeats that no model has.

    Raises:
        SpecError: The answers of no model can differ.
    """
    if generation.repeats == 1 or any(model.repeats > 1 for model in models):
        return
    names = ", ".join(repr(model.name) for model in models)
    at = " at temperature 0" if generation.temperature == 0 else ""
    message = (
        f"generation.repeats is {generation.repeats}, but {names} {'gives' if len(models) == 1 else 'give'} the same answer "
        f"to a record each time{at}; {'set a temperature above 0, or ' if at else ''}remove repeats"
    )
    raise SpecError(message)


def choose_noise_floor(
    cells: Sequence[Cell], models: Sequence[PlannedModel], baseline: str, registry: Registry
) -> tuple[str, ...]:
    """Return the cells that are asked twice: the baseline's, or those of the first model that is not fine-tuned.

    Args:
        cells: All cells.
        models: The planned models.
        baseline: The candidate that is named as the baseline, or empty.
        registry: The plugins.

    Raises:
        SpecError: There is no such model, or its answers are recorded.
    """
    asked = {model.name for model in models if _card(model, registry).answers_differ != "never"}
    untrained = {model.name for model in models if model.trainer is None}
    candidate = baseline or next((cell.candidate for cell in cells if cell.model in asked & untrained), "")
    if not candidate:
        reason = "the answers of those here are recorded" if untrained else "there is none here"
        message = f"noise_floor asks a model twice that is not fine-tuned, and {reason}: add one, or remove noise_floor"
        raise SpecError(message)
    first = {cell.dataset: cell for cell in reversed(cells) if cell.candidate == candidate}
    if any(cell.model not in asked for cell in first.values()):
        message = (
            f"noise_floor asks the baseline {candidate!r} twice, but its answers are recorded: name another baseline, or "
            "remove noise_floor"
        )
        raise SpecError(message)
    return tuple(cell.name for cell in cells if cell in first.values())


def repeat_checks(plan: Plan, registry: Registry) -> Iterator[Check]:
    """Yield a check for each model whose repeats, or second time, may show nothing."""
    twice = {plan.cell_by_name[name].model for name in plan.noise_floor}
    for model in plan.models:
        generation, card = vary(plan.generation, model.varies), _card(model, registry)
        if model.repeats > 1 and not _is_sampled(generation):
            times = model.repeats
            text = (
                f"each record is asked {times} times at temperature 0, where {card.name} may give {times} equal answers"
            )
            yield _warning(model, text, "set generation.temperature above 0 to see how much its answers vary")
        elif model.name in twice and not _can_differ(generation, card):
            text = f"it is asked twice for the noise floor, but {card.name} gives the same answers each time at temperature 0"
            hint = "set generation.temperature above 0; as it is, only the scores of an evaluator can differ"
            yield _warning(model, text, hint)


def _warning(model: PlannedModel, text: str, hint: str) -> Check:
    return Check(f"model {model.name!r}", lambda: Finding("warning", text, hint))


def _can_differ(generation: GenerationOptions, deployer: DeployerCard) -> bool:
    """Whether two answers to a record can differ."""
    return deployer.answers_differ == "always" or (deployer.answers_differ == "sampled" and _is_sampled(generation))


def _card(model: PlannedModel, registry: Registry) -> DeployerCard:
    return registry.card(DeployerCard, model.deployer.use)


def _is_sampled(generation: GenerationOptions) -> bool:
    """Whether the temperature is above 0, or the server's own."""
    is_left_out = isinstance(generation, VariedOptions) and "temperature" in generation.left_out
    return is_left_out or generation.temperature > 0
