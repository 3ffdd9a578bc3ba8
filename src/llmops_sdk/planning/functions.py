"""From a reference to a function of a file to the options of its card, with the sources that a plan has of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from llmops_sdk.errors import SpecError, did_you_mean
from llmops_sdk.functions.calls import definitions_in, find_function
from llmops_sdk.functions.code import code_of
from llmops_sdk.functions.definition import Definition, Signature, signature_of
from llmops_sdk.functions.files import read_content
from llmops_sdk.functions.sources import Sources, read_sources
from llmops_sdk.planning.paths import locate_paths
from llmops_sdk.planning.specification.spec import ModelSpec, Override
from llmops_sdk.plugin.cards import CardKind
from llmops_sdk.plugin.functions.cards import CARDS, KIND_OF
from llmops_sdk.plugin.functions.dataset import ROWS
from llmops_sdk.plugin.functions.options import TargetOptions
from llmops_sdk.plugin.isolation import prints_to_stderr
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.values.functions import FUNCTION_KINDS, FileContent, Function, split_reference
from llmops_sdk.values.serial import to_json

_OF_FILES = ("path", "test_path", "encoding")
"""Options of the dataset `file` that are about files, which a function has none of."""


def functions_in(use: str, folder: Path) -> list[tuple[str, Definition, Signature]]:
    """Return the functions of a file with their references, in the order of the file; or the one that is named.

    Args:
        use: The file, or a reference to a function of it.
        folder: The folder that a relative path is relative to.

    Raises:
        SpecError: The file has none, or no such one; or it cannot travel with a run.
    """
    file, name = split_reference(use)
    sources = read_sources((folder / Path(file).expanduser()).absolute())
    with prints_to_stderr():
        definitions = definitions_in(sources.files, sources.file, sources.folder)
        if not definitions:
            message = f"{sources.file!r} has no function that is marked with {', '.join(f'@{kind}' for kind in FUNCTION_KINDS)}"
            raise SpecError(message)
        if name and name not in definitions:
            message = f"{sources.file!r} has no function {name!r} that is marked{did_you_mean(name, definitions)}"
            raise SpecError(message)
        return [
            (f"{file}:{each}", definition, signature_of(definition))
            for each, definition in definitions.items()
            if name in ("", each)
        ]


def function_options(
    kind: CardKind, use: str, options: Mapping[str, Any], folder: Path, registry: Registry
) -> dict[str, Any]:
    """Read a function, and return the options of its card.

    Args:
        kind: The kind of the card.
        use: The reference: `./metrics.py:brevity`.
        options: The options that the specification has.
        folder: The folder that relative paths are relative to.
        registry: The plugins.

    Raises:
        SpecError: There is no such function, it cannot travel with a run, or its options do not fit.
    """
    where = f"{KIND_OF[kind]} {use!r}"
    file, name = split_reference(use)
    sources = read_sources((folder / Path(file).expanduser()).absolute())
    with prints_to_stderr():
        definition = find_function(sources.files, sources.file, name, KIND_OF[kind], sources.folder)
        signature = signature_of(definition)
    own, others = _split(options, signature, _further(kind, registry), where)
    values = _values(kind, own, signature, sources, folder, registry, where)
    function = Function(
        file=sources.file,
        name=name,
        code=code_of(sources.files, sources.file, name),
        files=sources.files,
        distributions=sources.distributions,
        paths=tuple(signature.path_options()),
        data={} if kind == "dataset" else _contents(values, signature),
    )
    card_options = {"function": to_json(function), "options": values}
    if kind != "dataset":
        return {**card_options, **others}
    registry.options(registry.offer("dataset", ROWS).card, {**others, "path": sources.file}, where)
    return {**card_options, "split": others}


def expand_target(model: ModelSpec, folder: Path, registry: Registry) -> ModelSpec:
    """Return a model recipe whose `use` is a function, with the function in the place of its deployer.

    Raises:
        SpecError: As `function_options`.
    """
    if model.deployer.use:
        message = f"model {model.use!r} is a function, which no deployer serves: drop `use` from its deployer"
        raise SpecError(message)
    options = function_options("model", model.use, {**model.options, **model.deployer.options}, folder, registry)
    file, name = split_reference(model.use)
    reference = f"{Path(file).name}:{name}"
    return attrs.evolve(model, use=reference, options={"function": reference}, deployer=Override(reference, options))


def _further(kind: CardKind, registry: Registry) -> set[str]:
    """Return the names of the options that a function has besides its own ones."""
    if kind == "dataset":
        fields = attrs.fields(registry.offer("dataset", ROWS).card.options)
        return {field.name for field in fields if field.name not in _OF_FILES}
    if kind == "model":
        return {field.name for field in attrs.fields(TargetOptions) if field.name not in ("function", "options")}
    return set()


def _split(
    options: Mapping[str, Any], signature: Signature, further: set[str], where: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return those options that are parameters of the function, and the others."""
    own = {field.name for field in attrs.fields(signature.options)}
    twice = sorted(own & further)
    if twice:
        message = f"{where}: the parameter {twice[0]!r} is also an option of every such function: rename it"
        raise SpecError(message)
    for name in options:
        if name not in own | further:
            known = own | further
            hint = did_you_mean(name, known) if known else "; it has none: options are its keyword-only parameters"
            message = f"{where} has no option {name!r}{hint}"
            raise SpecError(message)
    return (
        {name: value for name, value in options.items() if name in own},
        {name: value for name, value in options.items() if name in further},
    )


def _values(
    kind: CardKind,
    own: Mapping[str, Any],
    signature: Signature,
    sources: Sources,
    folder: Path,
    registry: Registry,
    where: str,
) -> dict[str, Any]:
    """Return the values of a function's parameters as JSON; the default of a path is relative to the function's file."""
    located = locate_paths(signature.options, own, folder, where)
    for field in attrs.fields(signature.options):
        if field.metadata["path"] and field.name not in own and isinstance(field.default, Path):
            located[field.name] = str((sources.folder / field.default.expanduser()).absolute())
    structured = registry.options(attrs.evolve(CARDS[kind], options=signature.options), located, where)
    values = {field.name: getattr(structured, field.name) for field in attrs.fields(signature.options)}
    for name in signature.path_options():
        paths = values[name] if isinstance(values[name], (list, tuple)) else [values[name]]
        for path in paths:
            if isinstance(path, Path) and not path.expanduser().exists():
                message = f"{where}: the option {name!r} names no file or folder: {str(path)!r}"
                raise SpecError(message)
    return {name: to_json(value) for name, value in values.items()}


def _contents(values: Mapping[str, Any], signature: Signature) -> dict[str, FileContent]:
    contents = {
        name: read_content(Path(values[name]).expanduser())
        for name in signature.path_options()
        if isinstance(values[name], str)
    }
    return {name: content for name, content in contents.items() if content is not None}
