"""The contents of a plugin: what its hooks return, and what is refused."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import attrs
import pytest

from llmops_sdk import PluginError
from llmops_sdk.plugin import (
    DatasetCard,
    DeployerCard,
    ExecutorCard,
    ModelCard,
    ModelOptions,
    Options,
    TrainerCard,
    TrainerOptions,
    hookimpl,
    option,
)
from llmops_sdk.plugin.contents import HookReader, check_card

from .plugins import make_plugin


@attrs.frozen(kw_only=True)
class Plain(Options):
    """Options of a dataset."""

    name: str = option("", help="a key that specifications use themselves")


@attrs.frozen(kw_only=True)
class Nameless(ModelOptions):
    """Options of a model that names no weights."""


@attrs.frozen(kw_only=True)
class Foreign:
    """Options that derive from nothing."""


class Undecorated(Options):
    """Options whose fields attrs does not see."""

    rows: int = 3


@attrs.frozen(kw_only=True)
class Using(TrainerOptions):
    """Options of a trainer with a key that specifications use themselves."""

    use: str = option("")


def card(cls: Any, **fields: Any) -> Any:
    """A card with fields of any type: authors may not use a type checker."""
    return cls(**{"name": "thing", "summary": "a thing", "load": "nowhere:Thing", **fields})


@pytest.mark.parametrize(
    ("make_card", "message"),
    [
        (lambda: "sample", "llmops_cards returned 'sample', which is no card"),
        (
            lambda: card(DatasetCard, options=Foreign),
            "the options of dataset 'thing' are Foreign, which must derive from llmops_sdk.plugin.Options",
        ),
        (
            lambda: card(TrainerCard, options=Plain, accepts=(), produces=""),
            "the options of trainer 'thing' are Plain, which must derive from llmops_sdk.plugin.TrainerOptions",
        ),
        (
            lambda: card(DeployerCard, options=Using, accepts=()),
            "the options of deployer 'thing' are Using, which must derive from llmops_sdk.plugin.DeployerOptions",
        ),
        (
            lambda: card(ExecutorCard, options=Options),
            "the options of executor 'thing' are Options, which must derive from llmops_sdk.plugin.ExecutorOptions",
        ),
        (
            lambda: card(DatasetCard, options=3),
            "the options of dataset 'thing' are 3, which must derive from llmops_sdk.plugin.Options",
        ),
        (
            lambda: card(DatasetCard, options=Undecorated),
            "the options of dataset 'thing' are Undecorated, which must be decorated with attrs.frozen(kw_only=True)",
        ),
        (
            lambda: ModelCard(name="thing", summary="", options=Nameless, deployer="d"),  # type: ignore[type-abstract]
            "the options of model 'thing' are Nameless, which must define base_model()",
        ),
        (
            lambda: card(DatasetCard, options=Plain),
            "the options of dataset 'thing' include 'name', which means something else in a specification; rename it",
        ),
        (
            lambda: card(TrainerCard, options=Using, accepts=(), produces=""),
            "the options of trainer 'thing' include 'use', which means something else in a specification; rename it",
        ),
    ],
)
def test_a_card_that_cannot_be_used_is_refused(make_card: Any, message: str) -> None:
    """The message names the card, its options class, and how to fix it."""
    with pytest.raises(PluginError) as raised:
        check_card(make_card())

    assert message == str(raised.value)


def test_a_plugin_returns_its_cards_assets_settings_and_checks() -> None:
    """Each hook is optional."""
    dataset = card(DatasetCard)
    reader = HookReader()

    contents = reader.read(
        "full", make_plugin(dataset, llmops_assets=("asset",), llmops_settings=Foreign, llmops_checks=("check",))
    )
    bare = reader.read("bare", ModuleType("bare"))

    assert [dataset] == [*contents.cards]
    assert ["asset", Foreign] == [*contents.assets, contents.settings]
    assert ["check"] == [*map(str, reader.checks("full"))]
    assert ((), (), None) == (bare.cards, bare.assets, bare.settings)
    assert [] == reader.checks("bare")


def test_a_misspelled_hook_is_refused() -> None:
    """A hook that no specification knows is an error, not ignored, and the plugin is not kept."""
    module = ModuleType("made")

    def llmops_card() -> tuple[()]:
        return ()

    module.llmops_card = hookimpl(llmops_card)  # type: ignore[attr-defined]
    reader = HookReader()

    with pytest.raises(Exception, match="llmops_card"):
        reader.read("misspelled", module)

    assert reader.module("misspelled") is None


def test_settings_must_be_an_attrs_class() -> None:
    """Their fields are declared with `option`."""
    with pytest.raises(PluginError, match="llmops_settings returned 'region', which is no attrs class"):
        HookReader().read("odd", make_plugin(llmops_settings="region"))
