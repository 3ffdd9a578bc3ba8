from __future__ import annotations

from importlib import import_module

import attrs
import pytest

from llmops_plugins.prompts import hooks
from llmops_sdk.plugin import PromptCard, PromptSource, Retriever, RetrieverCard


@pytest.mark.parametrize("card", hooks.llmops_cards(), ids=lambda card: card.name)
def test_every_card_can_be_made(card: PromptCard | RetrieverCard) -> None:
    """Each card names a prompt source or a retriever, and options that all have a help text."""
    module, _, name = card.load.partition(":")
    interface = Retriever if isinstance(card, RetrieverCard) else PromptSource
    assert issubclass(getattr(import_module(module), name), interface)
    assert [field.name for field in attrs.fields(card.options) if not field.metadata.get("help")] == []


def test_prompts_have_neither_assets_nor_checks() -> None:
    """Templates are text, and are checked when a pipeline is built."""
    assert hooks.llmops_assets() == ()
    assert hooks.llmops_checks() == ()
