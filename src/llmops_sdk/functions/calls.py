"""Calling a function of a plan."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from traceback import walk_tb
from types import ModuleType
from typing import Any

import attrs

from llmops_sdk.errors import LLMOpsError, SpecError, did_you_mean
from llmops_sdk.functions.definition import Definition, Signature, definition_of, signature_of
from llmops_sdk.functions.files import find_files
from llmops_sdk.functions.modules import PACKAGE, load_module
from llmops_sdk.values.functions import Function, FunctionKind
from llmops_sdk.values.serial import from_json

FAILURES = (Exception, SystemExit)
"""What a function may raise without ending the program: everything but Ctrl-C."""


@attrs.frozen
class BoundFunction:
    """A function with the values of its options.

    Attributes:
        definition: How it is marked.
        signature: What it asks for.
        options: Values by the names of its keyword-only parameters.
    """

    definition: Definition
    signature: Signature
    options: Mapping[str, Any]

    def __call__(self, *ordered: Any, **asked: Any) -> Any:
        """Call it with those of the values by name that it asks for."""
        named = {name: value for name, value in asked.items() if name in self.signature.asked}
        return self.definition.function(*ordered, **named, **self.options)


def find_function(
    files: Mapping[str, str], file: str, name: str, kind: FunctionKind, folder: Path | None
) -> Definition:
    """Import a file, and return how a function of it is marked.

    Args:
        files: The texts of the file and of what it imports from its folder.
        file: The file.
        name: The function.
        kind: What it must be.
        folder: Where the files are, as far as that is known.

    Raises:
        SpecError: The file cannot be imported, or has no such function of that kind.
    """
    definitions = definitions_in(files, file, folder)
    marked = definitions.get(name)
    if marked is None:
        raise SpecError(_no_function(_load(files, file, folder), file, name, kind, definitions))
    if marked.kind != kind:
        message = f"{name!r} in {file!r} is a {marked.kind}, and is used as a {kind}"
        raise SpecError(message)
    return marked


def definitions_in(files: Mapping[str, str], file: str, folder: Path | None) -> dict[str, Definition]:
    """Import a file, and return the functions that its decorators mark, by their names.

    Raises:
        SpecError: The file cannot be imported; the message has the line.
    """
    module = _load(files, file, folder)
    marked = {name: definition_of(value) for name, value in vars(module).items()}
    return {name: definition for name, definition in marked.items() if definition is not None}


def bind(function: Function, kind: FunctionKind, options: Mapping[str, Any]) -> BoundFunction:
    """Return a function of a plan with the values of its options.

    Args:
        function: The function.
        kind: What it is.
        options: The options, as the plan has them.

    Raises:
        SpecError: It cannot be imported.
    """
    definition = find_function(function.files, function.file, function.name, kind, None)
    signature = signature_of(definition)
    structured = from_json(dict(options), signature.options)
    values = {field.name: getattr(structured, field.name) for field in attrs.fields(signature.options)}
    return BoundFunction(definition, signature, find_files(values, function.data))


def describe(error: BaseException) -> str:
    """Return in one line what a function raised, with the last line of the user's own files that led to it."""
    text = " ".join(str(error).split())
    name = "it called sys.exit" if isinstance(error, SystemExit) else type(error).__name__
    reason = f"{name}: {text}" if text else name
    own = [
        (frame.f_code.co_filename, line)
        for frame, line in walk_tb(error.__traceback__)
        if str(frame.f_globals.get("__name__", "")).startswith(f"{PACKAGE}.")
    ]
    return f"{reason} ({Path(own[-1][0]).name}:{own[-1][1]})" if own else reason


def _load(files: Mapping[str, str], file: str, folder: Path | None) -> ModuleType:
    try:
        return load_module(files, file, folder)
    except LLMOpsError:
        raise
    except FAILURES as exc:
        message = f"{file!r} cannot be imported: {describe(exc)}"
        raise SpecError(message) from exc


def _no_function(
    module: ModuleType, file: str, name: str, kind: FunctionKind, definitions: Mapping[str, Definition]
) -> str:
    if not name:
        of_kind = [each for each, definition in definitions.items() if definition.kind == kind]
        hint = f"write {file}:{of_kind[0]}" if len(of_kind) == 1 else f"it has: {', '.join(of_kind) or f'no {kind}'}"
        return f"{file!r} names a file, not a function of it; {hint}"
    if callable(getattr(module, name, None)):
        return f"{name!r} in {file!r} is not marked as a {kind}: write @{kind} above it (from llmops_sdk import {kind})"
    if not definitions:
        return f"{file!r} has no {kind} {name!r}, nor any other: write @{kind} above a function (from llmops_sdk import {kind})"
    return f"{file!r} has no {kind} {name!r}{did_you_mean(name, definitions)}"
