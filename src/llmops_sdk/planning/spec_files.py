"""Reading and writing specification files (YAML), and `--set` overrides."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import attrs

from llmops_sdk.errors import SpecError, did_you_mean
from llmops_sdk.planning.spec import ComponentSpec, ModelSpec, Override, Spec
from llmops_sdk.values.generations import GenerationOptions
from llmops_sdk.values.serial import explain, from_json, to_json

_TOP = (
    "name",
    "datasets",
    "prompts",
    "models",
    "trainer",
    "deployer",
    "generation",
    "evaluators",
    "reporters",
    "metric",
    "executor",
    "settings",
)
_MODEL = ("use", "name", "fine_tune", "train_on", "trainer", "deployer")


def read_spec(path: Path, overrides: Iterable[str] = ()) -> Spec:
    """Read a specification file.

    Args:
        path: YAML (or JSON, which is YAML).
        overrides: `key.path=value` texts as of `llmops run --set`; numbers count list items from 0.

    Raises:
        SpecError: The file cannot be read or does not fit; says where in it.
    """
    import yaml

    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        message = f"there is no specification file {str(path)!r}; `llmops examples` lists some to begin with"
        raise SpecError(message) from None
    except (OSError, UnicodeDecodeError) as exc:
        message = f"the specification file {str(path)!r} cannot be read: {exc}"
        raise SpecError(message) from exc
    except yaml.YAMLError as exc:
        message = f"{path} is not valid YAML: {' '.join(str(exc).split())}"
        raise SpecError(message) from exc
    for text in overrides:
        _override(data, text)
    return spec_from(data, where=str(path), folder=path.absolute().parent)


def spec_from(data: Any, *, where: str, folder: Path) -> Spec:
    """Make a specification from the data of a file.

    Raises:
        SpecError: It does not fit; says where in it.
    """
    if not isinstance(data, dict):
        message = f"{where} holds no mapping; it begins with `name:` and `models:`"
        raise SpecError(message)
    _known(data, _TOP, where)
    try:
        generation = from_json(_tuples(data.get("generation", {})), GenerationOptions)
    except Exception as exc:
        message = f"{where}: generation: {explain(exc)}"
        raise SpecError(message) from exc
    return Spec(
        name=_text(data.get("name", "pipeline"), f"{where}: name"),
        datasets=tuple(_component(item, f"{where}: datasets.{i}") for i, item in _items(data, "datasets", where)),
        prompts=tuple(_component(item, f"{where}: prompts.{i}") for i, item in _items(data, "prompts", where)),
        models=tuple(_model(item, f"{where}: models.{i}") for i, item in _items(data, "models", where)),
        trainer=_given(data.get("trainer", {}), f"{where}: trainer"),
        deployer=_given(data.get("deployer", {}), f"{where}: deployer"),
        generation=generation,
        evaluators=tuple(_component(item, f"{where}: evaluators.{i}") for i, item in _items(data, "evaluators", where)),
        reporters=tuple(_component(item, f"{where}: reporters.{i}") for i, item in _items(data, "reporters", where)),
        metric=_text(data.get("metric", ""), f"{where}: metric"),
        executor=_component(data.get("executor", "local"), f"{where}: executor"),
        settings={
            name: _mapping(found, f"{where}: settings.{name}")
            for name, found in _mapping(data.get("settings", {}), f"{where}: settings").items()
        },
        folder=folder,
    )


def component_from(item: Any, where: str) -> ComponentSpec:
    """Make one component from its data: a card's name, or a mapping with `use`, `name` and options.

    Raises:
        SpecError: It does not fit.
    """
    return _component(item, where)


def spec_to(spec: Spec) -> dict[str, Any]:
    """Return the data of a specification file; what was not said is left out."""
    data: dict[str, Any] = {"name": spec.name}
    for kind in ("datasets", "prompts"):
        if getattr(spec, kind):
            data[kind] = [_component_data(item) for item in getattr(spec, kind)]
    data["models"] = [_model_data(model) for model in spec.models]
    data.update(
        {
            kind: _override_data(getattr(spec, kind))
            for kind in ("trainer", "deployer")
            if getattr(spec, kind) != Override()
        }
    )
    generation = {
        field.name: to_json(getattr(spec.generation, field.name))
        for field in attrs.fields(GenerationOptions)
        if getattr(spec.generation, field.name) != field.default
    }
    if generation:
        data["generation"] = generation
    if spec.evaluators:
        data["evaluators"] = [_component_data(item) for item in spec.evaluators]
    if spec.reporters:
        data["reporters"] = [_component_data(item) for item in spec.reporters]
    if spec.metric:
        data["metric"] = spec.metric
    if spec.executor != ComponentSpec("local"):
        data["executor"] = _component_data(spec.executor)
    if spec.settings:
        data["settings"] = to_json(dict(spec.settings))
    return data


def _component_data(item: ComponentSpec) -> Any:
    if not item.name and not item.options:
        return item.use
    return {"use": item.use, **({"name": item.name} if item.name else {}), **to_json(dict(item.options))}


def _model_data(model: ModelSpec) -> Any:
    data: dict[str, Any] = {"use": model.use}
    data.update({"name": model.name} if model.name else {})
    data.update({"fine_tune": model.fine_tune} if model.fine_tune is not None else {})
    data.update({"train_on": model.train_on} if model.train_on else {})
    data.update(to_json(dict(model.options)))
    data.update(
        {
            kind: _override_data(getattr(model, kind))
            for kind in ("trainer", "deployer")
            if getattr(model, kind) != Override()
        }
    )
    return data if len(data) > 1 else model.use


def _override_data(override: Override) -> dict[str, Any]:
    return {**({"use": override.use} if override.use else {}), **to_json(dict(override.options))}


def _component(item: Any, where: str) -> ComponentSpec:
    if isinstance(item, str):
        return ComponentSpec(item)
    found = dict(_mapping(item, where))
    if "use" not in found:
        message = f"{where} does not say which plugin to use; write `use: NAME`"
        raise SpecError(message)
    use = _text(found.pop("use"), f"{where}.use")
    return ComponentSpec(use, _text(found.pop("name", ""), f"{where}.name"), _tuples(found))


def _model(item: Any, where: str) -> ModelSpec:
    if isinstance(item, str):
        return ModelSpec(item)
    found = dict(_mapping(item, where))
    own = {key: found.pop(key) for key in _MODEL if key in found}
    component = _component({key: own[key] for key in ("use", "name") if key in own}, where)
    fine_tune = own.get("fine_tune")
    if fine_tune not in (None, True, False):
        message = f"{where}.fine_tune is true or false, not {fine_tune!r}"
        raise SpecError(message)
    return ModelSpec(
        use=component.use,
        name=component.name,
        options=_tuples(found),
        fine_tune=fine_tune,
        train_on=_text(own.get("train_on", ""), f"{where}.train_on"),
        trainer=_given(own.get("trainer", {}), f"{where}.trainer"),
        deployer=_given(own.get("deployer", {}), f"{where}.deployer"),
    )


def _given(item: Any, where: str) -> Override:
    if isinstance(item, str):
        return Override(item)
    found = dict(_mapping(item, where))
    return Override(_text(found.pop("use", ""), f"{where}.use"), _tuples(found))


def _items(data: Mapping[str, Any], key: str, where: str) -> Iterable[tuple[int, Any]]:
    found = data.get(key, [])
    if not isinstance(found, list):
        message = f"{where}: {key} is a list; write `- ` before each item"
        raise SpecError(message)
    return enumerate(found)


def _mapping(item: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(item, Mapping) or not all(isinstance(key, str) for key in item):
        message = f"{where} is a mapping of names to values, not {item!r}"
        raise SpecError(message)
    return item


def _text(item: Any, where: str) -> str:
    if not isinstance(item, str):
        message = f"{where} is text, not {item!r}"
        raise SpecError(message)
    return item


def _known(data: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
    for key in data:
        if key not in known:
            message = f"{where} has an unknown key {key!r}{did_you_mean(str(key), known)}"
            raise SpecError(message)


def _tuples(value: Any) -> Any:
    """Make lists tuples, so that a specification from a file equals the same one made in code."""
    if isinstance(value, list):
        return tuple(_tuples(item) for item in value)
    if isinstance(value, dict):
        return {key: _tuples(item) for key, item in value.items()}
    return value


def _override(data: Any, text: str) -> None:
    import yaml

    path, equals, value = text.partition("=")
    if not equals or not path:
        message = f"an override is written KEY.PATH=VALUE, for example models.1.trainer.epochs=2, not {text!r}"
        raise SpecError(message)
    place, keys = data, path.split(".")
    for depth, key in enumerate(keys):
        last = depth == len(keys) - 1
        try:
            if isinstance(place, list):
                place[int(key)] = yaml.safe_load(value) if last else place[int(key)]
                place = place[int(key)]
            else:
                place[key] = yaml.safe_load(value) if last else place.get(key, {})
                place = place[key]
        except (TypeError, ValueError, IndexError, AttributeError) as exc:
            message = f"the override {text!r} has no place {'.'.join(keys[: depth + 1])!r} in the specification"
            raise SpecError(message) from exc
