"""Cards: their names and kinds."""

from __future__ import annotations

from typing import get_args

import pytest

from llmops_sdk.plugin import DatasetCard
from llmops_sdk.plugin.cards import KINDS, Card, CardKind, ImplementationCard, ModelCard


@pytest.mark.parametrize("name", ["Thing", "two words", "a_b", "-a", ""])
def test_card_names_are_plain(name: str) -> None:
    """A card's name can be part of a file name, a command line and a URL."""
    with pytest.raises(ValueError, match="lower-case words joined by hyphens"):
        DatasetCard(name=name, summary="a thing", load="nowhere:Thing")


def test_each_kind_has_one_class_of_cards() -> None:
    """The kinds are those of the type `CardKind`, in its order."""
    classes: list[type[Card]] = [*ImplementationCard.__subclasses__(), ModelCard]

    assert get_args(CardKind) == KINDS
    assert sorted(KINDS) == sorted({cls.kind for cls in classes if cls.__module__ == Card.__module__})


def test_a_model_card_has_no_implementation() -> None:
    """Its options name the weights; `load` is for the other kinds."""
    with pytest.raises(TypeError, match="load"):
        ModelCard(name="m", summary="a model", deployer="d", options=object, load="nowhere:Thing")  # type: ignore[arg-type, call-arg]
