"""The arguments of the builder's `with_*` methods, as a specification has them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from llmops_sdk.errors import SpecError
from llmops_sdk.functions.references import reference_to
from llmops_sdk.planning.specification.costs import budget_from, traffic_from
from llmops_sdk.planning.specification.data import serve_as_from
from llmops_sdk.planning.specification.spec import SEED, SEEDS, ComponentSpec, ModelSpec, Override, ServeAs
from llmops_sdk.plugin.options import DeployerOptions, Options, TrainerOptions
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.values.functions import FunctionKind
from llmops_sdk.values.generation_options import GenerationOptions
from llmops_sdk.values.prices import Budget, Traffic
from llmops_sdk.values.serial import explain, from_json, to_json

Use = str | Callable[..., Any]
"""The name of a card, the reference to a function (`./metrics.py:brevity`), or the function."""

Forms = Sequence[str | Mapping[str, Any]] | Mapping[str, Any]
"""The forms of a model, as the key `serve_as` of a specification has them."""


def use_of(use: Use, kind: FunctionKind) -> str:
    """Return the text that a specification has for a card or a function.

    Raises:
        SpecError: It is a function that cannot be found again in a file.
    """
    return use if isinstance(use, str) else reference_to(use, kind)


def component(
    use: Use, kind: FunctionKind, name: str, options: Options | None, named: Mapping[str, Any]
) -> ComponentSpec:
    """Return what the arguments of `with_dataset`, `with_prompt` or `with_evaluator` mean.

    Args:
        use: A card or a function.
        kind: What the function is.
        name: The component's name, or empty.
        options: The options as an object.
        named: The options by name.

    Raises:
        SpecError: As `use_of`.
    """
    return ComponentSpec(use_of(use, kind), name, merged(options, named))


def model_from(  # noqa: PLR0913 - the keys of a model in a specification
    use: Use,
    options: Mapping[str, Any],
    *,
    name: str,
    fine_tune: bool | None,
    train_on: str,
    trainer: str | TrainerOptions | Mapping[str, Any] | None,
    deployer: str | DeployerOptions | Mapping[str, Any] | None,
    varies: Mapping[str, Any] | None,
    prompts: Sequence[str] | None,
    train_prompt: str,
    seeds: Sequence[int] | None,
    serve_as: Forms | None,
) -> ModelSpec:
    """Return what the arguments of `with_model` mean, with the options of an object and by name in one.

    Raises:
        SpecError: The prompts are no list, or as `use_of`.
    """
    if isinstance(prompts, str):
        message = f"model {name or use!r}: prompts is a list of names: prompts=[{prompts!r}]"
        raise SpecError(message)
    override = override_from(trainer)
    if trainer is not None and override == Override():
        fine_tune = True if fine_tune is None else fine_tune  # it asks for the model's own trainer as it is
    override = with_seeds(override, seeds, of_object=isinstance(trainer, Options))
    return ModelSpec(
        use_of(use, "target"),
        name,
        options,
        fine_tune,
        train_on,
        override,
        override_from(deployer),
        dict(varies or {}),
        None if prompts is None else tuple(prompts),
        train_prompt,
        None if serve_as is None else forms_from(serve_as, f"model {name or use!r}: serve_as"),
    )


def forms_from(forms: Forms, where: str) -> ServeAs:
    """Return the forms that an argument `serve_as` means; a deployer's options may be an object.

    Raises:
        SpecError: They do not fit.
    """

    def plain(form: Any) -> Any:
        options = form.get("deployer") if isinstance(form, Mapping) else None
        return {**form, "deployer": options.to_mapping()} if isinstance(options, Options) else form

    if isinstance(forms, Mapping):
        data: Any = {**forms, "forms": [plain(form) for form in forms.get("forms", ())]}
    else:
        data = forms if isinstance(forms, str) else [plain(form) for form in forms]
    return serve_as_from(data, where)


def override_from(part: str | Options | Mapping[str, Any] | None) -> Override:
    """Return the override that an argument `trainer` or `deployer` means."""
    if part is None:
        return Override()
    if isinstance(part, str):
        return Override(part)
    if isinstance(part, Options):
        return Override("", part.to_mapping())
    options = dict(part)
    return Override(str(options.pop("use", "")), options)


def changed_generation(generation: GenerationOptions, changes: Mapping[str, Any]) -> GenerationOptions:
    """Return the generation options with those that `with_generation` gives; None leaves one as it is.

    Raises:
        SpecError: A value has the wrong type or is out of range.
    """
    if isinstance(changes.get("stop"), str):
        message = f"generation option 'stop' is a list of texts: stop=[{changes['stop']!r}]"
        raise SpecError(message)
    options = {name: value for name, value in changes.items() if value is not None}
    try:
        changed: GenerationOptions = from_json({**to_json(generation), **options}, GenerationOptions)
    except Exception as exc:
        message = f"generation: {explain(exc)}"
        raise SpecError(message) from exc
    return changed


def costs_from(
    prices: Path | str, requests_per_day: float, hours: float, budget_usd: float | None
) -> dict[str, str | Traffic | Budget | None]:
    """Return what the arguments of `with_costs` mean, by the names that a specification has for it.

    Raises:
        SpecError: One is out of range.
    """
    asked = {"requests_per_day": requests_per_day, "hours": hours}
    traffic = traffic_from(asked, "traffic") if requests_per_day else None
    budget = None if budget_usd is None else budget_from({"usd": budget_usd}, "budget")
    return {"prices": str(prices), "traffic": traffic, "budget": budget}


def with_seeds(override: Override, seeds: Sequence[int] | None, *, of_object: bool) -> Override:
    """Return the override of a trainer with several seeds, if given; they replace the one that an options object always has."""
    if seeds is None:
        return override
    options = {name: value for name, value in override.options.items() if not (of_object and name == SEED)}
    return attrs.evolve(override, options={**options, SEEDS: tuple(seeds) if isinstance(seeds, list) else seeds})


def merged(options: Options | None, named: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of an object and those that are named, which override them."""
    return {**(options.to_mapping() if options else {}), **named}


def common_options(executor: ComponentSpec, other: str, registry: Registry) -> dict[str, Any]:
    """Return the options of an executor that another one has too, with the same default."""
    target, current = (attrs.fields_dict(registry.offer("executor", use).card.options) for use in (other, executor.use))
    same = {name for name in target.keys() & current.keys() if target[name].default == current[name].default}
    return {name: value for name, value in executor.options.items() if name in same}
