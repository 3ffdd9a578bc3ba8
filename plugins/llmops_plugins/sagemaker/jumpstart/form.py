"""The form of a JumpStart specification, as far as requests are made from it. It is checked where a specification is read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from llmops_sdk.plugin import UserError

_TEXTS = ("model_id", "version")
_OBJECTS = (
    "hosting_model_package_arns",
    "training_model_package_artifact_uris",
    "deploy_kwargs",
    "estimator_kwargs",
)
_NAMED = {"hyperparameters": ("name", "default"), "metrics": ("Name",), "inference_environment_variables": ("name",)}
"""Lists of objects, and the fields that each of these has."""

_OF_INSTANCES = ("environment_variables", "hyperparameters", "metrics")
"""Properties of an instance type: objects, or lists of objects with a name."""

_VARIANTS = ("training_instance_type_variants", "hosting_instance_type_variants")
_SCOPES = ("training", "inference")


def check_form(data: Any, model_id: str, version: str) -> Mapping[str, Any]:
    """Return a specification whose fields have the form that requests are made from; any of them may be absent or null.

    Args:
        data: What JumpStart publishes.
        model_id: The ID by which its list of models names it.
        version: The version by which it does.

    Raises:
        UserError: It has another form; the message names what differs, and the fields that it has.
    """
    which = f"{model_id!r} {version}"
    if not isinstance(data, Mapping):
        raise unknown_form(which, {}, f"is no object but a {type(data).__name__}")
    missing = [name for name in _TEXTS if not isinstance(data.get(name), str)]
    if missing:
        raise unknown_form(which, data, f"lacks {', '.join(missing)}")
    problems = list(dict.fromkeys(_problems(data)))
    if problems:
        raise unknown_form(which, data, f"has another kind of {', '.join(problems)}")
    return data


def unknown_form(which: str, data: Mapping[str, Any], problem: str) -> UserError:
    """Return the error for a specification of a form that this version does not know.

    Args:
        which: The model and its version.
        data: The specification.
        problem: What differs, after "the specification of X ...".
    """
    fields = f"; it has: {', '.join(sorted(data))}" if data else ""
    return UserError(
        f"the specification of JumpStart's {which} {problem}, so its form is not known here{fields}; use another version"
    )


def _problems(data: Mapping[str, Any]) -> Iterator[str]:
    """Yield the names of fields that have another form, those of configurations too."""
    yield from _wrong_fields(data)
    for scope in _SCOPES:
        configurations, components = f"{scope}_configs", f"{scope}_config_components"
        rankings = f"{scope}_config_rankings"
        for name in (configurations, components, rankings):
            if not _is_object_of(Mapping, data.get(name)):
                yield name
                return
        for each in _values(data.get(configurations)):
            if not isinstance(each.get("component_names") or [], list):
                yield configurations
        for each in _values(data.get(components)):
            yield from (f"{components}.{name}" for name in _wrong_fields(each))
        for each in _values(data.get(rankings)):
            if not isinstance(each.get("rankings") or [], list):
                yield rankings


def _wrong_fields(data: Mapping[str, Any]) -> Iterator[str]:
    for name in _OBJECTS:
        if not _is_object_of(object, data.get(name)):
            yield name
    for name, fields in _NAMED.items():
        items = data.get(name) or []
        if not isinstance(items, list) or not all(_has(item, fields) for item in items):
            yield name
    for name in _VARIANTS:
        if not _is_known_variants(data.get(name)):
            yield name


def _is_known_variants(variants: Any) -> bool:
    parts = variants or {}
    if not isinstance(parts, Mapping):
        return False
    if not all(_is_object_of(Mapping, parts.get(name)) for name in ("regional_aliases", "variants")):
        return False
    variants = list(_values(parts.get("variants")))
    if not all(_is_object_of(str, variant.get("regional_properties")) for variant in variants):
        return False
    return all(_are_known_properties(variant.get("properties") or {}) for variant in variants)


def _are_known_properties(properties: Any) -> bool:
    if not isinstance(properties, Mapping):
        return False
    named = [properties.get(name) or {} for name in _OF_INSTANCES]
    lists = [each for each in named if not isinstance(each, Mapping)]
    return all(
        isinstance(each, list) and all(_has(item, ("name",)) or _has(item, ("Name",)) for item in each)
        for each in lists
    )


def _is_object_of(kind: type, value: Any) -> bool:
    """Return whether a value is absent, or an object whose values are null or of a kind."""
    return isinstance(value or {}, Mapping) and all(
        isinstance(each, (kind, type(None))) for each in (value or {}).values()
    )


def _values(value: Any) -> Iterator[Mapping[str, Any]]:
    """Yield the objects in an object, of which some may be null."""
    return (each for each in (value or {}).values() if each)


def _has(item: Any, fields: tuple[str, ...]) -> bool:
    return isinstance(item, Mapping) and all(name in item for name in fields)
