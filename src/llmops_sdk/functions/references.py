"""From a function that is given in code to its reference: the file that has it, and its name there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from llmops_sdk.errors import SpecError
from llmops_sdk.functions.definition import definition_of
from llmops_sdk.values.functions import FunctionKind

_IN_NOTEBOOK = "put it into a file: a cell that starts with `%%writefile {name}.py`, then use './{name}.py:{function}'"


def reference_to(function: Callable[..., Any], kind: FunctionKind) -> str:
    """Return the reference to a function: `./metrics.py:brevity`, relative to the current folder if it is inside of it.

    Args:
        function: The function.
        kind: What it is used as.

    Raises:
        SpecError: No decorator marks it, or a file cannot be imported for it alone: it is a lambda, it is inside of another
            function or of a class, or it was typed into a notebook.
    """
    name = getattr(function, "__name__", "")
    if not name:
        message = f"a {kind} is a function marked with @{kind}, not {function!r}"
        raise SpecError(message)
    if name == "<lambda>":
        message = f"a lambda has no name in a file: write a function, with @{kind} above it"
        raise SpecError(message)
    definition = definition_of(function)
    if definition is None:
        message = (
            f"the function {name!r} is not marked as a {kind}: write @{kind} above it (from llmops_sdk import {kind})"
        )
        raise SpecError(message)
    if definition.kind != kind:
        message = f"the function {name!r} is a {definition.kind}, and is used as a {kind}"
        raise SpecError(message)
    if function.__qualname__ != name:
        message = f"the {kind} {function.__qualname__!r} is inside of another function or a class: move it to the top of its file"
        raise SpecError(message)
    file = Path(function.__code__.co_filename)
    if not file.is_file() or (function.__module__ == "__main__" and not _is_script(file)):
        how = _IN_NOTEBOOK.format(name=f"{kind}s", function=name)
        message = f"the {kind} {name!r} is in no file, so it cannot travel with a run: {how}"
        raise SpecError(message)
    file = file.absolute()
    current = Path.cwd()
    shown = f"./{file.relative_to(current)}" if file.is_relative_to(current) else str(file)
    return f"{shown}:{name}"


def _is_script(file: Path) -> bool:
    """Return whether a file is the running script: IPython writes cells into temporary files that have other names."""
    import __main__

    script = getattr(__main__, "__file__", None)
    return script is not None and Path(script).absolute() == file.absolute()
