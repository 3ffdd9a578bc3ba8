"""What is tried with every kind of card."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import attrs

from llmops_sdk.plugin import EvaluatorCard, Options, option
from llmops_sdk.plugin.cards import CardKind
from llmops_sdk.testing.rules.trials import TRIALS, temporary_place

from .conftest import Try, broken, text

LOAD = "llmops_sdk.testing.evaluators:EchoScore"


@attrs.frozen(kw_only=True)
class PathOptions(Options):
    """A path and a list."""

    path: Path = option(help="a path")  # noqa: RUF009 - `option` declares a field, it is no shared default
    words: tuple[str, ...] = option((), help="words")


@attrs.frozen(kw_only=True)
class Halves(Options):
    """Halves what it is given."""

    words: float = option(1.0, help="words", validator=None)

    def to_mapping(self) -> dict[str, Any]:
        return {"words": self.words / 2}


@attrs.frozen(kw_only=True)
class Drops(PathOptions):
    """Leaves an option out."""

    def to_mapping(self) -> dict[str, Any]:
        return {"path": str(self.path)}


@attrs.frozen(kw_only=True)
class Grows(Options):
    """Changes what it is given."""

    word: str = option("a", help="a word")

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "word", f"{self.word}!")


def card(options: type[Options]) -> EvaluatorCard:
    """Return a card with options."""
    return EvaluatorCard(name="own", summary="own", load=LOAD, options=options)


def test_every_kind_has_a_trial() -> None:
    """A new kind of card comes with one."""
    assert set(get_args(CardKind)) == set(TRIALS)


def test_options_are_the_same_after_json(tried: Try) -> None:
    """Paths and tuples are; what is not is named with both values."""
    assert [] == tried(card(PathOptions), options={"path": "x/y", "words": ["a"]}).problems
    assert "options: to_mapping has path, and the options are path, words" in text(
        tried(card(Drops), options={"path": "x"})
    )
    assert "options: word was 'a!', and after JSON and back 'a!!'" in text(tried(card(Grows)))
    assert "options: words was 0.5, and after JSON and back 0.25" in text(tried(card(Halves), options={"words": 0.5}))


def test_only_options_are_checked_of_what_cannot_be_tried(tried: Try) -> None:
    """The reason is that of all other rules."""
    outcome = tried(card(Grows), untried="it needs an account")

    assert {"options"} == broken(outcome)
    assert {"it needs an account"} == set(outcome.left_out.values())
    assert {"seed", "interface", "alone", "delete-twice"} <= outcome.left_out.keys()


def test_the_place_is_deleted() -> None:
    """It has a cache, a folder for temporary files and an empty working directory."""
    with temporary_place() as place:
        assert ["cwd", "home", "tmp"] == sorted(path.name for path in place.iterdir())

    assert not place.exists()
