from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import attrs
import pytest

from llmops_plugins.datasets import hooks
from llmops_sdk.plugin import DatasetCard, DatasetSource


@pytest.mark.parametrize("card", hooks.llmops_cards(), ids=lambda card: card.name)
def test_every_card_can_be_made(card: DatasetCard) -> None:
    """Each card names a dataset source, and options that all have a help text."""
    module, _, name = card.load.partition(":")
    assert issubclass(getattr(import_module(module), name), DatasetSource)
    assert [field.name for field in attrs.fields(card.options) if not field.metadata.get("help")] == []


def test_only_the_hub_needs_the_library() -> None:
    """Dolly can also be loaded from a file, so its card requires nothing."""
    assert {"huggingface": ("datasets",)} == {
        card.name: card.requires for card in hooks.llmops_cards() if card.requires
    }


def test_finding_the_cards_loads_nothing_heavy() -> None:
    """The hooks, the sources and the hub module import neither the library nor what it needs."""
    modules = "hooks, checks, sample, dolly, files, splitting, huggingface"
    heavy = "{'datasets', 'pyarrow', 'pandas', 'numpy', 'huggingface_hub', 'torch'}"
    code = f"import sys; from llmops_plugins.datasets import {modules}; print(sorted({heavy} & set(sys.modules)))"
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert output == "[]\n"


def test_there_are_no_assets() -> None:
    """Hub datasets stay in Hugging Face's own cache."""
    assert hooks.llmops_assets() == ()
