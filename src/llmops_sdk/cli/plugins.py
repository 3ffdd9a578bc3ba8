"""The command that shows what plugins offer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from llmops_sdk.cli.help import Argument, Command
from llmops_sdk.cli.options import json_option
from llmops_sdk.cli.output.text import echo_json

if TYPE_CHECKING:
    from llmops_sdk.plugin.registry import Offer


@click.command(cls=Command)
@click.argument(
    "kind_or_name",
    cls=Argument,
    required=False,
    metavar="[KIND]",
    description="List one kind only: dataset, prompt, model, trainer, deployer, evaluator, executor, ...",
)
@click.argument(
    "name",
    cls=Argument,
    required=False,
    metavar="[NAME]",
    description="Show what has this name, with its options; KIND may be omitted.",
)
@click.option("--schema", is_flag=True, help="Print the JSON schema of specification files, with these plugins.")
@json_option
def plugins(kind_or_name: str | None, name: str | None, *, schema: bool, as_json: bool) -> None:
    """List what plugins offer, or show one entry with its options."""
    from llmops_sdk.cli.output.plugins import plugins_json, show_cards, show_index
    from llmops_sdk.plugin.cards import KINDS
    from llmops_sdk.plugin.registry import Registry

    registry = Registry.load()
    if schema:
        from llmops_sdk.planning.specification.schema import specification_schema

        echo_json(specification_schema(registry), indent=2)
        return
    offers = _choose(registry.offers(), kind_or_name, name, KINDS)
    listed = name is None and kind_or_name in (None, *KINDS)
    if as_json:
        echo_json(plugins_json(offers, registry.plugins if listed else ()), indent=2)
    elif listed:
        show_index(offers, registry.plugins)
    else:
        show_cards(offers)


def _choose(offers: list[Offer], kind_or_name: str | None, name: str | None, kinds: Sequence[str]) -> list[Offer]:
    """Return the offers of a kind, or of a name, or of both."""
    from llmops_sdk.errors import SpecError, did_you_mean

    if kind_or_name is None:
        return offers
    if name is None and kind_or_name not in kinds:
        chosen = [offer for offer in offers if offer.card.name == kind_or_name]
        if not chosen:
            known = [*kinds, *(offer.card.name for offer in offers)]
            message = f"no plugin offers {kind_or_name!r}{did_you_mean(kind_or_name, known)}"
            raise SpecError(message)
        return chosen
    if kind_or_name not in kinds:
        message = f"there is no kind {kind_or_name!r}{did_you_mean(kind_or_name, kinds)}"
        raise SpecError(message)
    same_kind = [offer for offer in offers if offer.card.kind == kind_or_name]
    chosen = [offer for offer in same_kind if name in (None, offer.card.name)]
    if name is not None and not chosen:
        message = f"no {kind_or_name} is called {name!r}{did_you_mean(name, [offer.card.name for offer in same_kind])}"
        raise SpecError(message)
    return chosen
