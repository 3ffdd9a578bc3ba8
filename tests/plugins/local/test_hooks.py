from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import attrs
import pytest

from llmops_plugins.local import hooks
from llmops_sdk.plugin import Deployer, Executor, ModelCard, Trainer

CARDS = hooks.llmops_cards()


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.name)
def test_every_option_has_a_help_text(card: attrs.AttrsInstance) -> None:
    """Help texts are what `llmops plugins NAME` and editors show."""
    options = getattr(card, "options")  # noqa: B009 - the cards of this plugin all have one
    assert [field.name for field in attrs.fields(options) if not field.metadata.get("help")] == []


@pytest.mark.parametrize(
    "card", [card for card in CARDS if not isinstance(card, ModelCard)], ids=lambda card: card.name
)
def test_every_implementation_can_be_loaded(card: object) -> None:
    """Its class is of the kind that the card offers."""
    pytest.importorskip("peft")
    pytest.importorskip("uvicorn")
    module, _, name = getattr(card, "load").partition(":")  # noqa: B009
    assert issubclass(getattr(import_module(module), name), (Trainer, Deployer, Executor))


def test_models_name_a_trainer_and_a_deployer_of_this_plugin() -> None:
    """Both are offered, and fit the models' format."""
    names = {card.name for card in CARDS}
    models = [card for card in CARDS if isinstance(card, ModelCard)]
    assert {"smollm2", "huggingface"} == {card.name for card in models}
    assert {model.trainer for model in models} | {model.deployer for model in models} <= names


def test_finding_cards_assets_and_checks_imports_nothing_heavy() -> None:
    """Every start of `llmops` does this."""
    script = (
        "import sys; from llmops_plugins.local import hooks\n"
        "hooks.llmops_cards(), hooks.llmops_assets(), hooks.llmops_checks()\n"
        "print(sorted(sys.modules.keys() & {'torch', 'transformers', 'peft', 'numpy', 'starlette', 'huggingface_hub'}))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "[]\n" == done.stdout
