"""What can be checked: a card, hooks, an installed plugin."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import llmops_plugins.prompts.hooks
from llmops_sdk import SpecError
from llmops_sdk.plugin import EvaluatorCard, Options, hookimpl
from llmops_sdk.testing.rules.subject import find_subject

CARD = EvaluatorCard(name="own", summary="own", load="some.module:Class")


class Hooks:
    """An object with hooks."""

    @hookimpl
    def llmops_cards(self) -> Any:
        return (CARD,)


class NoOptions:
    """No class of options."""


def test_the_cards_of_each_are_found() -> None:
    """With the modules that another process has to import."""
    of_card, of_object = find_subject(CARD), find_subject(Hooks())
    of_module, of_name = find_subject(llmops_plugins.prompts.hooks), find_subject("prompts")

    assert ((CARD,), (CARD,)) == (of_card.cards, of_object.cards)
    assert (Options.__module__, "some.module") == of_card.modules
    assert of_module.cards == of_name.cards
    assert ("llmops_plugins.prompts.hooks", "prompts") == (of_module.name, of_name.name)
    assert "llmops_plugins.prompts.hooks" == of_name.hooks == of_name.modules[0]


@pytest.mark.parametrize("plugin", [None, 3, Hooks, NoOptions()], ids=["None", "number", "class", "object"])
def test_what_is_no_plugin_is_refused(plugin: Any) -> None:
    """The message has what can be given."""
    with pytest.raises(TypeError, match="is no plugin: give a card, a module or object with hooks"):
        find_subject(plugin)


def test_what_is_wrong_with_a_card_is_its_problem() -> None:
    """As the registry finds it."""
    bad = EvaluatorCard(name="own", summary="own", load="a:B", options=NoOptions)  # type: ignore[arg-type]

    assert "the options of evaluator 'own' are NoOptions, which must derive from" in find_subject(bad).problem


def test_a_function_of_a_file_is_a_subject(tmp_path: Path) -> None:
    """By its reference; a target is a deployer."""
    (tmp_path / "own.py").write_text(
        "from llmops_sdk import metric, target\n\n\n@metric\ndef words(output: str) -> int:\n    return len(output.split())\n\n\n"
        "@target\ndef shout(prompt: str) -> str:\n    return prompt.upper()\n",
        encoding="utf-8",
    )

    metric, target = (find_subject(f"{tmp_path}/own.py:{name}") for name in ("words", "shout"))

    assert ("metric 'words'", ["evaluator"]) == (metric.name, [card.kind for card in metric.cards])
    assert ("target 'shout'", ["deployer"]) == (target.name, [card.kind for card in target.cards])
    with pytest.raises(SpecError, match=r"own\.py' has no function 'word' that is marked; did you mean 'words'"):
        find_subject(f"{tmp_path}/own.py:word")
