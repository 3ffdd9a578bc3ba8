"""Short forms of models: a provider and a model's name."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest

from llmops_sdk import Registry, SpecError
from llmops_sdk.planning.short_forms import expand_short_form
from llmops_sdk.planning.specification.spec import ModelSpec
from llmops_sdk.plugin import ModelCard, hookimpl
from llmops_sdk.testing.options import EchoOptions


@pytest.fixture(name="providers")
def _providers(registry: Registry) -> Registry:
    """The registry with a card that two providers stand for."""
    module = ModuleType("providers")

    @hookimpl
    def llmops_cards() -> tuple[Any, ...]:
        forms = {"acme": {"voice": "loud"}, "acme-eu": {"voice": "quiet"}}
        return (
            ModelCard(name="shouting", summary="", options=EchoOptions, deployer="echo-endpoint", short_forms=forms),
        )

    module.llmops_cards = llmops_cards  # type: ignore[attr-defined]
    registry.add("providers", module)
    return registry


@pytest.mark.parametrize(
    ("use", "name", "model"),
    [
        ("acme/gpt-4o", "gpt-4o", "gpt-4o"),
        ("acme/llama3.2:3b", "llama3-2-3b", "llama3.2:3b"),
        ("acme/meta-llama/Llama-3.1-8B", "Llama-3-1-8B", "meta-llama/Llama-3.1-8B"),
        ("acme/…", "acme", "…"),
    ],
)
def test_a_short_form_is_a_card_with_options(use: str, name: str, model: str, providers: Registry) -> None:
    """Its name fits names of files; the options beside it are kept."""
    expanded = expand_short_form(ModelSpec(use, options={"more": 1}), providers)

    assert ModelSpec("shouting", name, {"voice": "loud", "model": model, "more": 1}) == expanded


def test_a_name_and_options_of_its_own_take_precedence(providers: Registry) -> None:
    """Over those of the short form."""
    expanded = expand_short_form(ModelSpec("acme-eu/m", "mine", {"voice": "mute"}), providers)

    assert ModelSpec("shouting", "mine", {"voice": "mute", "model": "m"}) == expanded


def test_the_name_of_a_card_is_no_short_form(providers: Registry) -> None:
    """It stays as it is, known or not."""
    assert ModelSpec("nothing") == expand_short_form(ModelSpec("nothing"), providers)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (ModelSpec("acne/gpt-4o"), "no model or provider is called 'acne/gpt-4o'; did you mean 'acme'?"),
        (ModelSpec("zzz/q"), "for weights in Hugging Face's form use model 'huggingface' with weights='zzz/q'"),
        (ModelSpec("acme/"), "'acme/' names no model: write acme/MODEL"),
        (ModelSpec("acme/m", options={"model": "n"}), "named twice: in the short form, and by its option 'model'"),
    ],
)
def test_a_wrong_short_form_is_one_line(model: ModelSpec, message: str, providers: Registry) -> None:
    """With the nearest provider, or what else it may be."""
    with pytest.raises(SpecError) as raised:
        expand_short_form(model, providers)

    assert message in str(raised.value)
    assert "\n" not in str(raised.value)
