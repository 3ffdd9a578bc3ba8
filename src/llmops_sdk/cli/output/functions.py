"""The functions of a file, as `llmops plugins FILE` prints them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import attrs
from rich.text import Text

from llmops_sdk.cli.output.tables import new_grid, open_console
from llmops_sdk.functions.definition import Definition, Signature
from llmops_sdk.values.serial import to_json


def show_functions(functions: Iterable[tuple[str, Definition, Signature]]) -> None:
    """Print functions with what they ask for and their options.

    Args:
        functions: The reference, the definition and the signature of each.
    """
    console = open_console()
    for number, (reference, definition, signature) in enumerate(functions):
        if number:
            console.print()
        console.print(Text.assemble((reference, "bold"), f"  ({definition.kind})"))
        if definition.summary:
            console.print(definition.summary)
        grid = new_grid(None, None)
        grid.add_row("asks for", ", ".join(signature.asked) or "nothing")
        for field in attrs.fields(signature.options):
            grid.add_row("option", f"{field.name}: {_type_name(field.type)}{_default(field)}")
        console.print(grid)


def functions_json(functions: Iterable[tuple[str, Definition, Signature]]) -> list[dict[str, Any]]:
    """Return functions as JSON.

    Args:
        functions: As for `show_functions`.
    """
    return [
        {
            "kind": definition.kind,
            "use": reference,
            "summary": definition.summary,
            "asks_for": list(signature.asked),
            "options": [
                {"name": field.name, "type": _type_name(field.type), **_default_json(field)}
                for field in attrs.fields(signature.options)
            ],
        }
        for reference, definition, signature in functions
    ]


def _type_name(hint: Any) -> str:
    return hint.__name__ if isinstance(hint, type) and not hasattr(hint, "__args__") else str(hint)


def _default(field: Any) -> str:
    default = _default_json(field)
    return f" = {default['default']!r}" if default else ""


def _default_json(field: Any) -> dict[str, Any]:
    if field.default is attrs.NOTHING:
        return {}
    is_factory = isinstance(field.default, attrs.Factory)  # type: ignore[arg-type]
    return {"default": to_json(field.default.factory() if is_factory else field.default)}
