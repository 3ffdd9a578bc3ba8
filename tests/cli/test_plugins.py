"""The command `plugins`: an index, one kind, one entry, and the JSON schema."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from llmops_sdk.plugin import EvaluatorCard, LLMOpsDeprecationWarning, hookimpl
from llmops_sdk.plugin.registry import Registry

from .conftest import Command


class Extra:
    """A plugin with a card that needs a package that is not installed."""

    @hookimpl
    def llmops_cards(self) -> tuple[EvaluatorCard, ...]:
        """Return one evaluator."""
        return (EvaluatorCard(name="far", summary="measures far", load="far:Far", extra="far", requires=("no_such",)),)


class Broken:
    """A plugin that cannot be loaded."""

    @hookimpl
    def llmops_cards(self) -> tuple[EvaluatorCard, ...]:
        """Fail."""
        message = "it is broken"
        raise RuntimeError(message)


def test_the_index_has_one_line_a_card(llmops: Command, registry: Registry) -> None:
    """Each kind is a heading; the last line has the command that shows one entry."""
    lines = llmops("plugins").out.splitlines()

    offers = registry.offers()
    assert {offer.card.kind for offer in offers} == {line for line in lines if line and line in _kinds(registry)}
    assert [offer.card.name for offer in offers] == [line.split()[0] for line in lines if line.startswith("  ")]
    assert "show one with its options: llmops plugins NAME" == lines[-1]


def test_the_index_fits_a_narrow_terminal(llmops: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """At 80 columns a summary is cut, not wrapped; in a pipe it is complete."""
    assert max(map(len, llmops("plugins").out.splitlines())) > 100
    monkeypatch.setenv("COLUMNS", "80")
    assert max(map(len, llmops("plugins").out.splitlines())) <= 80


def test_one_kind_is_listed(llmops: Command) -> None:
    """Nothing else is."""
    lines = llmops("plugins", "trainer").out.splitlines()

    assert "trainer" == lines[0]
    assert ["echo-trainer", "jumpstart", "lora"] == [line.split()[0] for line in lines if line.startswith("  ")]


def test_one_entry_is_shown_with_its_options(llmops: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Option, default and meaning are columns; no option's name is cut at 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")
    done = llmops("plugins", "trainer", "lora")

    assert done.out.startswith("lora  (trainer)")
    assert "models in the format huggingface" in done.text
    assert ["option", "default", "meaning"] in [line.split() for line in done.out.splitlines()]
    assert "checkpoint_steps 20 optimizer steps between checkpoints" in done.text
    assert "…" not in done.out


def test_a_name_of_several_kinds_shows_all_of_them(llmops: Command) -> None:
    """With its kind, it shows one."""
    assert 2 == sum(line.startswith("huggingface  (") for line in llmops("plugins", "huggingface").out.splitlines())
    shown = llmops("plugins", "dataset", "huggingface").out.splitlines()
    assert ["huggingface  (dataset)"] == [line.strip() for line in shown if line.startswith("huggingface  (")]


def test_a_model_is_shown_with_its_short_forms(llmops: Command) -> None:
    """As they are written in a specification."""
    shown = llmops("plugins", "openai-compatible").text

    assert "short forms openai/MODEL, " in shown
    assert " ollama/MODEL, " in shown


def test_an_entry_without_options_has_no_table(llmops: Command) -> None:
    """It has a line instead."""
    assert "no options" in llmops("plugins", "prompt", "bare").out


def test_missing_packages_are_marked(llmops: Command, registry: Registry) -> None:
    """The index names the package, the entry the command that installs it."""
    registry.add("extra", Extra(), distribution="far-away", version="2.0")

    index = llmops("plugins", "evaluator").out
    assert "(needs no_such) measures far" in " ".join(index.split())
    assert "need a package that is not installed" in index
    assert "no_such; install with: pip install 'far-away[far]'" in llmops("plugins", "far").text


def test_broken_plugins_are_reported(llmops: Command, registry: Registry) -> None:
    """In the index, and as JSON."""
    registry.add("broken", Broken())

    assert "broken: plugin 'broken': RuntimeError: it is broken" in llmops("plugins").text
    assert "it is broken" in json.loads(llmops("plugins", "--json").out)[-1]["problem"]


def test_outdated_plugins_are_reported(llmops: Command, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line below the index, with the distribution and what to type; they are used all the same."""
    monkeypatch.setattr("llmops_sdk.plugin.api.API_VERSION", "2.0")
    with pytest.warns(LLMOpsDeprecationWarning):
        registry.add("extra", Extra(), distribution="far-away", version="2.0")

    done = llmops("plugins")

    assert 1 == done.text.count(
        "outdated: far-away 2.0 (plugin 'extra'): plugin 'extra' was written for plugin API 1.0"
    )
    assert "pip install --upgrade far-away" in done.text
    assert "far" in [line.split()[0] for line in done.out.splitlines() if line.startswith("  ")]


def test_json_has_the_options(llmops: Command) -> None:
    """Of every card, of one kind, or of one entry."""
    (card,) = json.loads(llmops("plugins", "trainer", "lora", "--json").out)

    assert ("trainer", "lora", []) == (card["kind"], card["name"], card["missing"])
    assert {"name": "rank", "default": "16"}.items() <= next(o for o in card["options"] if o["name"] == "rank").items()
    assert {"trainer"} == {card["kind"] for card in json.loads(llmops("plugins", "trainer", "--json").out)}


def test_the_schema_accepts_the_example_and_refuses_a_typo(llmops: Command) -> None:
    """The JSON schema for editors knows every installed plugin's options."""
    schema = json.loads(llmops("plugins", "--schema").out)
    validator = jsonschema.Draft202012Validator(schema)
    example = yaml.safe_load((Path(__file__).parents[2] / "examples" / "quickstart.yaml").read_text(encoding="utf-8"))

    jsonschema.Draft202012Validator.check_schema(schema)
    assert [] == list(validator.iter_errors(example))
    example["models"][1]["trainer"]["max_stepz"] = 1
    assert [] != list(validator.iter_errors(example))


def _kinds(registry: Registry) -> set[str]:
    return {str(offer.card.kind) for offer in registry.offers()}
