"""Paths in options: found next to the specification file, and checked before a run."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import attrs

from llmops_sdk.errors import SpecError
from llmops_sdk.functions.files import LARGEST
from llmops_sdk.plugin.cards import CardKind
from llmops_sdk.plugin.checks import Check, Finding
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.values.functions import is_function
from llmops_sdk.values.plan import Component, Plan


def locate_paths(cls: type, options: Mapping[str, Any], folder: Path, where: str) -> dict[str, Any]:
    """Make paths that exist next to the specification file absolute; a hub id or an asset's name stays as it is.

    Args:
        cls: The class of the options, of any plugin; its fields say which of them are paths.
        options: The options that the specification has.
        folder: The folder of the specification file.
        where: How error messages start.

    Raises:
        SpecError: A text can be no path.
    """
    located = dict(options)
    for name in path_options(cls):
        value = located.get(name)
        if isinstance(value, (list, tuple)):
            located[name] = tuple(_located(item, folder, f"{where}: {name}") for item in value)
        elif name in located:
            located[name] = _located(value, folder, f"{where}: {name}")
    return located


def path_options(cls: type) -> Iterator[str]:
    """Yield the names of the options that are, or may be, paths."""
    return (field.name for field in attrs.fields(cls) if field.metadata.get("path"))


def path_checks(plan: Plan, registry: Registry) -> Iterator[Check]:
    """Yield a check for each path in the options of a plan's datasets, evaluators, trainers and deployers.

    What may be something else, such as a hub id, is left to the plugin.
    """
    parts: list[tuple[CardKind, Component]] = [("dataset", dataset) for dataset in plan.dataset_by_name.values()]
    parts += [("evaluator", evaluator) for evaluator in plan.evaluators]
    parts += [("trainer", model.trainer) for model in plan.models if model.trainer]
    parts += [("deployer", model.deployer) for model in plan.model_by_name.values()]
    for kind, component in parts:
        for name in path_options(registry.offer(kind, component.use).card.options):
            values = component.options.get(name)
            for value in values if isinstance(values, (list, tuple)) else [values]:
                if isinstance(value, str) and _is_surely_path(value):
                    yield Check(f"{kind} {component.name!r}", partial(_check_exists, name, value))
    yield from _travel_checks(plan, registry)


def _travel_checks(plan: Plan, registry: Registry) -> Iterator[Check]:
    """Yield an error for each file that a function reads on another machine and that does not travel with the plan."""
    options = [
        (component.name, component.options)
        for component in (*plan.evaluators, *(model.deployer for model in plan.model_by_name.values()))
        if is_function(component.use)
    ]
    untravelled = [
        (name, option, value)
        for name, own in options
        for option, value in own["options"].items()
        if option in own["function"]["paths"] and value and option not in own["function"]["data"]
    ]
    if untravelled and registry.make("executor", plan.executor.use, plan.executor.options).remote:
        for name, option, value in untravelled:
            text = (
                f"the option {option!r} names {value!r}, and only files of at most {LARGEST >> 20} MiB travel with a plan to "
                "another machine, not folders or larger ones"
            )
            yield Check(f"function {name!r}", partial(Finding, "error", text))


def _check_exists(name: str, value: str) -> Finding:
    if Path(value).expanduser().exists():
        return Finding("ok", f"{name}: '{value}'")
    return Finding("error", f"{name}: there is no file or folder {value!r}")


def _is_surely_path(text: str) -> bool:
    return text.startswith(("/", "./", "../", "~/")) or (text.count("/") > 1 and "://" not in text)


def _located(value: Any, folder: Path, where: str) -> Any:
    if not isinstance(value, (str, Path)) or not str(value):
        return value
    try:
        path = (folder / Path(value).expanduser()).absolute()
        return _shortest(path) if path.exists() else value
    except (OSError, ValueError, RuntimeError) as exc:  # too long, a NUL character, no home folder
        message = f"{where} is no path: {exc}"
        raise SpecError(message) from exc


def _shortest(path: Path) -> str:
    """Return an absolute path without `..`, unless a symbolic link makes that another file."""
    short = os.path.normpath(path)
    return short if Path(short).exists() and Path(short).samefile(path) else str(path)
