"""A specification as the data of a file: mappings, lists and texts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

from llmops_sdk.errors import SpecError
from llmops_sdk.planning.specification.costs import budget_from, traffic_from
from llmops_sdk.planning.specification.keys import check_keys, short
from llmops_sdk.planning.specification.load import load_from
from llmops_sdk.planning.specification.spec import (
    ComponentSpec,
    FormSpec,
    ModelSpec,
    Override,
    RetentionSpec,
    ServeAs,
    Spec,
    StopEarly,
)
from llmops_sdk.values.generation_options import GenerationOptions
from llmops_sdk.values.serial import explain, from_json, to_json

_KEYS = (
    "name",
    "datasets",
    "prompts",
    "models",
    "trainer",
    "deployer",
    "generation",
    "evaluators",
    "reporters",
    "decide_by",
    "baseline",
    "margin",
    "weights",
    "noise_floor",
    "stop_early",
    "retention",
    "gate",
    "prices",
    "traffic",
    "budget",
    "load",
    "executor",
    "settings",
)

_VALUES = ("traffic", "budget", "load")
"""Keys whose values are mappings of numbers."""

_MODEL_KEYS = tuple(field.name for field in attrs.fields(ModelSpec) if field.name != "options")

_FORMS_EXAMPLE = "such as [local, gguf-q8]"


def spec_from(data: Any, *, where: str, folder: Path) -> Spec:
    """Make a specification from the data of a file.

    Args:
        data: The data.
        where: How error messages start: the file's name.
        folder: The folder that relative paths in options are relative to.

    Raises:
        SpecError: It does not fit; the message names the place in the file.
    """
    if not isinstance(data, Mapping):
        message = f"{where} is not a mapping; it starts with `name:` and `models:`"
        raise SpecError(message)
    check_keys(data, _KEYS, where)
    return Spec(
        name=_text(data.get("name", "pipeline"), f"{where}: name"),
        datasets=_components(data, "datasets", where),
        prompts=_components(data, "prompts", where),
        models=tuple(_model(item, place) for item, place in _items(data, "models", where)),
        trainer=_override(data.get("trainer", {}), f"{where}: trainer"),
        deployer=_override(data.get("deployer", {}), f"{where}: deployer"),
        generation=_generation(data.get("generation", {}), f"{where}: generation"),
        evaluators=_components(data, "evaluators", where),
        reporters=_components(data, "reporters", where),
        decide_by=_text(data.get("decide_by", ""), f"{where}: decide_by"),
        baseline=_text(data.get("baseline", ""), f"{where}: baseline"),
        margin=_number(data.get("margin"), f"{where}: margin"),
        weights=_mapping(data.get("weights", {}), f"{where}: weights"),
        noise_floor=_bool(data.get("noise_floor", False), f"{where}: noise_floor"),
        stop_early=_stop_early(data["stop_early"], f"{where}: stop_early") if "stop_early" in data else None,
        retention=_retention(data["retention"], f"{where}: retention") if "retention" in data else None,
        gate=_with_tuples(_mapping(data.get("gate", {}), f"{where}: gate")),
        prices=_text(data.get("prices", ""), f"{where}: prices"),
        traffic=traffic_from(data["traffic"], f"{where}: traffic") if "traffic" in data else None,
        budget=budget_from(data["budget"], f"{where}: budget") if "budget" in data else None,
        load=load_from(data["load"], f"{where}: load") if "load" in data else None,
        executor=component_from(data.get("executor", "local"), f"{where}: executor"),
        settings={
            plugin: _mapping(settings, f"{where}: settings.{plugin}")
            for plugin, settings in _mapping(data.get("settings", {}), f"{where}: settings").items()
        },
        folder=folder,
    )


def component_from(item: Any, where: str) -> ComponentSpec:
    """Make one component from its data: a card's name, or a mapping with `use`, `name` and options.

    Raises:
        SpecError: It does not fit.
    """
    if isinstance(item, str):
        return ComponentSpec(item)
    options = dict(_mapping(item, where))
    if "use" not in options:
        message = f"{where} does not name a plugin's card; write `use: NAME`"
        raise SpecError(message)
    use = _text(options.pop("use"), f"{where}.use")
    return ComponentSpec(use, _text(options.pop("name", ""), f"{where}.name"), _with_tuples(options))


def serve_as_from(item: Any, where: str) -> ServeAs:
    """Make the forms of a model from their data: a list of names and mappings, or a mapping with it as `forms`, and `margin`.

    Raises:
        SpecError: It does not fit.
    """
    margin = None
    if isinstance(item, Mapping):
        check_keys(item, ("forms", "margin"), where)
        margin = _number(item.get("margin"), f"{where}.margin")
        item, where = item.get("forms"), f"{where}.forms"
    if not isinstance(item, (list, tuple)) or not item:
        message = f"{where} is a list of forms, {_FORMS_EXAMPLE}, not {short(item)}"
        raise SpecError(message)
    return ServeAs(tuple(_form(each, f"{where}.{number}") for number, each in enumerate(item)), margin)


def text_hint(value: Any) -> str:
    """Return how to write as text what YAML read as something else."""
    if isinstance(value, bool):
        return "YAML reads yes, no, on and off as true or false: put it in quotes"
    return "remove the key, or write a text" if value is None else "put it in quotes to make it text"


def spec_to(spec: Spec) -> dict[str, Any]:
    """Return a specification as the data of a file, without what has its default."""
    data: dict[str, Any] = {"name": spec.name}
    data |= _component_lists(spec, "datasets", "prompts")
    data["models"] = [_model_data(model) for model in spec.models]
    data |= _overrides(spec)
    generation = {
        field.name: to_json(getattr(spec.generation, field.name))
        for field in attrs.fields(GenerationOptions)
        if getattr(spec.generation, field.name) != field.default
    }
    if generation:
        data["generation"] = generation
    data |= _component_lists(spec, "evaluators", "reporters")
    data |= {
        name: value for name in ("decide_by", "baseline", "margin") if (value := getattr(spec, name)) not in ("", None)
    }
    if spec.weights:
        data["weights"] = dict(spec.weights)
    if spec.noise_floor:
        data["noise_floor"] = True
    if spec.stop_early:
        data["stop_early"] = to_json(spec.stop_early)
    if spec.retention:
        data["retention"] = _retention_data(spec.retention)
    if spec.gate:
        data["gate"] = to_json(dict(spec.gate))
    if spec.prices:
        data["prices"] = spec.prices
    data |= {name: _without_none(to_json(value)) for name in _VALUES if (value := getattr(spec, name))}
    if spec.executor != ComponentSpec("local"):
        data["executor"] = _component_data(spec.executor)
    if spec.settings:
        data["settings"] = to_json(dict(spec.settings))
    return data


# -- from data ----------------------------------------------------------------------------------


def _number(value: Any, where: str) -> float | None:
    if value is None or (isinstance(value, (int, float)) and not isinstance(value, bool)):
        return value
    message = f"{where} is a number, not {short(value)}"
    raise SpecError(message)


def _bool(value: Any, where: str) -> bool:
    if isinstance(value, bool):
        return value
    message = f"{where} is true or false, not {short(value)}"
    raise SpecError(message)


def _components(data: Mapping[str, Any], key: str, where: str) -> tuple[ComponentSpec, ...]:
    return tuple(component_from(item, place) for item, place in _items(data, key, where))


def _model(item: Any, where: str) -> ModelSpec:
    if isinstance(item, str):
        return ModelSpec(item)
    options = dict(_mapping(item, where))
    own = {key: options.pop(key) for key in _MODEL_KEYS if key in options}
    component = component_from({key: own[key] for key in ("use", "name") if key in own}, where)
    fine_tune = _bool(own["fine_tune"], f"{where}.fine_tune") if "fine_tune" in own else None
    trainer = _override(own.get("trainer", {}), f"{where}.trainer")
    if "trainer" in own and trainer == Override():
        fine_tune = True if fine_tune is None else fine_tune  # it asks for the model's own trainer as it is
    return ModelSpec(
        use=component.use,
        name=component.name,
        options=_with_tuples(options),
        fine_tune=fine_tune,
        train_on=_text(own.get("train_on", ""), f"{where}.train_on"),
        trainer=trainer,
        deployer=_override(own.get("deployer", {}), f"{where}.deployer"),
        varies=_with_tuples(_mapping(own.get("varies", {}), f"{where}.varies")),
        prompts=_names(own["prompts"], f"{where}.prompts") if "prompts" in own else None,
        train_prompt=_text(own.get("train_prompt", ""), f"{where}.train_prompt"),
        serve_as=serve_as_from(own["serve_as"], f"{where}.serve_as") if "serve_as" in own else None,
    )


def _form(item: Any, where: str) -> FormSpec:
    if isinstance(item, str):
        return FormSpec(item)
    data = _mapping(item, where)
    check_keys(data, ("form", "deployer"), where)
    if "form" not in data:
        message = f"{where} does not name a form; write `form: NAME`"
        raise SpecError(message)
    return FormSpec(_text(data["form"], f"{where}.form"), _override(data.get("deployer", {}), f"{where}.deployer"))


def _names(items: Any, where: str) -> tuple[str, ...]:
    if not isinstance(items, list):
        message = f"{where} is a list of names, such as [chat, alpaca], not {short(items)}"
        raise SpecError(message)
    return tuple(_text(item, f"{where}.{number}") for number, item in enumerate(items))


def _override(item: Any, where: str) -> Override:
    if isinstance(item, str):
        return Override(item)
    options = dict(_mapping(item, where))
    return Override(_text(options.pop("use", ""), f"{where}.use"), _with_tuples(options))


def _generation(item: Any, where: str) -> GenerationOptions:
    try:
        options: GenerationOptions = from_json(_with_tuples(_mapping(item, where)), GenerationOptions)
    except SpecError:
        raise
    except Exception as exc:
        message = f"{where}: {explain(exc)}"
        raise SpecError(message) from exc
    return options


def _stop_early(item: Any, where: str) -> StopEarly:
    try:
        stop_early: StopEarly = from_json(_mapping(item, where), StopEarly)
    except SpecError:
        raise
    except Exception as exc:
        message = f"{where}: {explain(exc)}"
        raise SpecError(message) from exc
    return stop_early


def _retention(item: Any, where: str) -> RetentionSpec:
    """Make it from its data: a dataset's card, or a mapping with one or both of `decide_by` and `margin` and a dataset."""
    if isinstance(item, str):
        return RetentionSpec(ComponentSpec(item))
    options = dict(_mapping(item, where))
    decide_by = _text(options.pop("decide_by", ""), f"{where}.decide_by")
    margin = _number(options.pop("margin", None), f"{where}.margin")
    if options and "use" not in options:
        options = {"use": RetentionSpec().dataset.use, **options}
    return RetentionSpec(component_from(options, where) if options else RetentionSpec().dataset, decide_by, margin)


def _items(data: Mapping[str, Any], key: str, where: str) -> Iterator[tuple[Any, str]]:
    """Yield the items of a list, each with its place for error messages."""
    if key not in data:
        return
    items = data[key]
    if items is None or items == []:
        message = f"{where}: {key} is empty; list something below it, or remove the key"
        raise SpecError(message)
    if not isinstance(items, list):
        message = f"{where}: {key} is a list; write `- ` before each item"
        raise SpecError(message)
    for number, item in enumerate(items):
        yield item, f"{where}: {key}.{number}"


def _mapping(item: Any, where: str) -> Mapping[str, Any]:
    if item is None:
        message = f"{where} is empty; write something below it, or remove the key"
        raise SpecError(message)
    if not isinstance(item, Mapping):
        message = f"{where} is a mapping of names to values, not {short(item)}"
        raise SpecError(message)
    for key in item:
        if not isinstance(key, str):
            message = f"{where} has the key {short(key)}, which is no text; {text_hint(key)}"
            raise SpecError(message)
    return item


def _text(item: Any, where: str) -> str:
    if not isinstance(item, str):
        message = f"{where} is text, not {short(item)}; {text_hint(item)}"
        raise SpecError(message)
    return item


def _with_tuples(value: Any) -> Any:
    """Turn lists into tuples: a specification from a file then equals the same one made in code."""
    if isinstance(value, list):
        return tuple(_with_tuples(item) for item in value)
    if isinstance(value, Mapping):
        return {key: _with_tuples(item) for key, item in value.items()}
    return value


# -- to data ------------------------------------------------------------------------------------


def _component_lists(spec: Spec, *keys: str) -> dict[str, Any]:
    return {key: [_component_data(item) for item in getattr(spec, key)] for key in keys if getattr(spec, key)}


def _component_data(item: ComponentSpec) -> Any:
    if not item.name and not item.options:
        return item.use
    return {"use": item.use, **({"name": item.name} if item.name else {}), **to_json(dict(item.options))}


def _retention_data(retention: RetentionSpec) -> Any:
    item = _component_data(retention.dataset)
    data = {"use": item} if isinstance(item, str) else item
    own = {"decide_by": retention.decide_by, "margin": retention.margin}
    return {**data, **{name: value for name, value in own.items() if value not in ("", None)}}


def _model_data(model: ModelSpec) -> Any:
    data: dict[str, Any] = {"use": model.use}
    if model.name:
        data["name"] = model.name
    if model.fine_tune is not None:
        data["fine_tune"] = model.fine_tune
    if model.train_on:
        data["train_on"] = model.train_on
    if model.varies:
        data["varies"] = to_json(dict(model.varies))
    if model.prompts is not None:
        data["prompts"] = list(model.prompts)
    if model.train_prompt:
        data["train_prompt"] = model.train_prompt
    if model.serve_as:
        data["serve_as"] = _serve_as_data(model.serve_as)
    data |= {**to_json(dict(model.options)), **_overrides(model)}
    return data if len(data) > 1 else model.use


def _without_none(data: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in data.items() if value is not None}


def _overrides(owner: Spec | ModelSpec) -> dict[str, Any]:
    """Return the data of the trainer and deployer overrides that are given."""
    overrides = {"trainer": owner.trainer, "deployer": owner.deployer}
    return {key: _override_data(override) for key, override in overrides.items() if override != Override()}


def _override_data(override: Override) -> dict[str, Any]:
    return {**({"use": override.use} if override.use else {}), **to_json(dict(override.options))}


def _serve_as_data(serve_as: ServeAs) -> Any:
    forms = [
        each.form if each.deployer == Override() else {"form": each.form, "deployer": _override_data(each.deployer)}
        for each in serve_as.forms
    ]
    return forms if serve_as.margin is None else {"forms": forms, "margin": serve_as.margin}
