"""What plugins and files offer, as `llmops plugins` prints it: an index with one line a card, or one card with its options."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

import attrs
from rich.text import Text

from llmops_sdk.cli.output.tables import new_grid, new_table, open_console, print_line
from llmops_sdk.functions.definition import Definition, Signature
from llmops_sdk.plugin.cards import DeployerCard, ModelCard, TrainerCard
from llmops_sdk.plugin.installed import InstalledPlugin
from llmops_sdk.plugin.registry import Offer
from llmops_sdk.values.serial import to_json

if TYPE_CHECKING:
    from rich.console import Console

_NAME_WIDTH = 26
"""The widest column of names in the index; a longer name moves the rest of its own line only."""
_DEFAULT_WIDTH = 22


def show_index(offers: Sequence[Offer], plugins: Iterable[InstalledPlugin]) -> None:
    """Print one line a card, under a heading for each kind; then the plugins that are broken or outdated."""
    console = open_console()
    for kind, group in groupby(offers, key=lambda offer: offer.card.kind):
        same_kind = list(group)
        width = min(_NAME_WIDTH, max(len(offer.card.name) for offer in same_kind))
        console.print(Text(kind, style="bold"))
        for offer in same_kind:
            console.print(_index_line(offer, width), no_wrap=True, overflow="ellipsis")
    _show_faults(console, plugins)
    console.print()
    incomplete = sum(bool(offer.missing) for offer in offers)
    if incomplete:
        console.print(f"{incomplete} of {len(offers)} need a package that is not installed")
    console.print("show one with its options: llmops plugins NAME")


def show_cards(offers: Iterable[Offer]) -> None:
    """Print cards with their options."""
    console = open_console()
    for number, offer in enumerate(offers):
        if number:
            console.print()
        _show_card(console, offer)


def plugins_json(offers: Iterable[Offer], plugins: Iterable[InstalledPlugin]) -> list[dict[str, Any]]:
    """Return cards with their options, and the plugins that are broken, as JSON."""
    broken = [{**attrs.asdict(plugin), "kind": "broken"} for plugin in plugins if plugin.problem]
    return [_card_json(offer) for offer in offers] + broken


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
            grid.add_row("option", f"{field.name}: {_type_name(field.type)}{_equals_default(field)}")
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


def _index_line(offer: Offer, width: int) -> Text:
    missing = (f"(needs {', '.join(offer.missing)}) ", "yellow") if offer.missing else ""
    return Text.assemble(f"  {offer.card.name:<{width}}  ", missing, offer.card.summary)


def _show_card(console: Console, offer: Offer) -> None:
    card = offer.card
    console.print(Text.assemble((card.name, "bold"), f"  ({card.kind})"))
    console.print(f"{card.summary}\n")
    grid = new_grid(None, None)
    for name, text in _properties(offer).items():
        grid.add_row(name, text)
    console.print(grid)
    fields = attrs.fields(card.options)
    if not fields:
        console.print("\nno options")
        return
    table = new_table("option", "default", "meaning")
    table.columns[1].no_wrap = False
    table.columns[1].max_width = _DEFAULT_WIDTH
    for field in fields:
        table.add_row(field.name, _default(field), field.metadata.get("help", ""))
    console.print()
    console.print(table)


def _properties(offer: Offer) -> dict[str, str]:
    """Return what a card is and needs, by name."""
    card, plugin = offer.card, offer.plugin
    source = f"{plugin.distribution} {plugin.version}".strip()
    properties = {"plugin": f"{plugin.name}, of {source}" if source else plugin.name}
    if isinstance(card, ModelCard):
        properties |= {"trainer": card.trainer or "none", "deployer": card.deployer}
        if card.short_forms:
            properties["short forms"] = ", ".join(f"{provider}/MODEL" for provider in card.short_forms)
    if isinstance(card, (TrainerCard, DeployerCard)):
        properties["accepts"] = f"models in the format {', '.join(card.accepts)}"
    if isinstance(card, TrainerCard):
        properties["produces"] = f"models in the format {card.produces}"
    if attrs.fields(card.options):
        properties["options"] = f"{card.options.__module__}.{card.options.__qualname__}"
    if offer.missing:
        properties["missing"] = f"{', '.join(offer.missing)}; install with: {offer.install_hint}"
    return properties


def _show_faults(console: Console, plugins: Iterable[InstalledPlugin]) -> None:
    for plugin in plugins:
        if plugin.problem:
            print_line(console, f"broken: {plugin.owner}: {plugin.problem}", "red")
        elif plugin.ignored:
            print_line(console, f"not used: {plugin.owner}: {plugin.ignored}", "yellow")
        for line in plugin.outdated:
            print_line(console, f"outdated: {plugin.owner}: {line}", "yellow")


def _card_json(offer: Offer) -> dict[str, Any]:
    card = offer.card
    return {
        "kind": card.kind,
        "name": card.name,
        "summary": card.summary,
        "plugin": offer.plugin.name,
        "distribution": offer.plugin.distribution,
        "version": offer.plugin.version,
        "missing": list(offer.missing),
        "options": [
            {"name": field.name, "default": _default(field), "help": field.metadata.get("help", "")}
            for field in attrs.fields(card.options)
        ],
    }


def _default(field: Any) -> str:
    if field.default is attrs.NOTHING:
        return "(required)"
    value = field.default.factory() if isinstance(field.default, attrs.Factory) else field.default  # type: ignore[arg-type]
    return repr(to_json(value))


def _type_name(hint: Any) -> str:
    return hint.__name__ if isinstance(hint, type) and not hasattr(hint, "__args__") else str(hint)


def _equals_default(field: Any) -> str:
    default = _default_json(field)
    return f" = {default['default']!r}" if default else ""


def _default_json(field: Any) -> dict[str, Any]:
    if field.default is attrs.NOTHING:
        return {}
    is_factory = isinstance(field.default, attrs.Factory)  # type: ignore[arg-type]
    return {"default": to_json(field.default.factory() if is_factory else field.default)}
