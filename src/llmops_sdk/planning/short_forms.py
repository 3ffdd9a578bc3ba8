"""Short forms of models: `openai/gpt-4o-mini` for a card, a provider and the name of a model there."""

from __future__ import annotations

import attrs

from llmops_sdk.errors import SpecError, did_you_mean
from llmops_sdk.planning.specification.spec import ModelSpec
from llmops_sdk.plugin.cards import ModelCard
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.values.names import name_of_model


def expand_short_form(model: ModelSpec, registry: Registry) -> ModelSpec:
    """Return a model recipe with the card that a short form stands for; one that names its card stays as it is.

    Without a name of its own it is called like the model: `ollama/llama3.2:3b` is `llama3-2-3b`.

    Raises:
        SpecError: There is no such provider, no model after it, or the model is named twice.
    """
    provider, slash, name = model.use.partition("/")
    if not slash:
        return model
    cards = _cards_by_provider(registry)
    card = cards.get(provider)
    if card is None:
        message = (
            f"no model or provider is called {model.use!r}{did_you_mean(provider, cards)}; for weights in Hugging Face's form "
            f"use model 'huggingface' with weights={model.use!r}"
        )
        raise SpecError(message)
    if not name:
        message = f"{model.use!r} names no model: write {provider}/MODEL"
        raise SpecError(message)
    if "model" in model.options:
        message = f"model {model.use!r} is named twice: in the short form, and by its option 'model'"
        raise SpecError(message)
    options = {**card.short_forms[provider], "model": name, **model.options}
    return attrs.evolve(model, use=card.name, name=model.name or name_of_model(name) or provider, options=options)


def _cards_by_provider(registry: Registry) -> dict[str, ModelCard]:
    cards: dict[str, ModelCard] = {}
    for offer in registry.offers("model"):
        if isinstance(offer.card, ModelCard):
            for provider in offer.card.short_forms:
                cards.setdefault(provider, offer.card)
    return cards
