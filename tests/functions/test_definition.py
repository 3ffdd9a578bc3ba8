"""What functions ask for, by the names of their parameters."""

# ruff: noqa: ARG001 - parameters are what is tested

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import attrs
import pytest

from llmops_sdk import Secret, SpecError, dataset, metric, target
from llmops_sdk.functions.definition import Definition, definition_of, signature_of
from llmops_sdk.values.serial import from_json


def definition(function: Callable[..., Any]) -> Definition:
    marked = definition_of(function)
    assert marked is not None
    return marked


def test_positional_parameters_are_asked_for_and_keyword_only_ones_are_options() -> None:
    """The types of options are those of their annotations, or of plain defaults."""

    @metric
    def score(  # type: ignore[no-untyped-def]  # noqa: PLR0913 - one of each type
        output: str,
        reference: str = "",
        *,
        limit: int,
        share=0.5,  # noqa: ANN001 - its default has a type
        words: Path = Path("words.txt"),
        names: list[str] = ["a"],  # noqa: B006 - an option's default
        kind: Literal["a", "b"] = "a",
        key: Secret | None = None,
    ) -> float:
        return 0

    signature = signature_of(definition(score))

    assert {"output": False, "reference": True} == signature.asked
    assert ["words"] == list(signature.path_options())
    options = from_json({"limit": 3, "key": "env:KEY"}, signature.options)
    expected = {
        "limit": 3,
        "share": 0.5,
        "words": Path("words.txt"),
        "names": ["a"],
        "kind": "a",
        "key": Secret("env:KEY"),
    }
    assert expected == attrs.asdict(options, recurse=False)


def test_defaults_that_can_change_are_copied() -> None:
    """A list that one call changes is as it was for the next one."""

    @metric
    def score(output: str, *, names: list[str] = ["a"]) -> float:  # noqa: B006 - an option's default
        return 0

    options = signature_of(definition(score)).options
    from_json({}, options).names.append("b")

    assert ["a"] == from_json({}, options).names


def test_a_target_asks_for_its_generation_options_after_the_star() -> None:
    """`options` is what it is asked for by name, wherever it stands."""

    @target
    def ask(prompt: str, *, options: dict[str, Any], temperature: float = 0.0) -> str:
        return ""

    signature = signature_of(definition(ask))

    assert {"prompt", "options"} == set(signature.asked)
    assert ["temperature"] == [field.name for field in attrs.fields(signature.options)]


def _misspelled() -> Callable[..., Any]:
    @metric
    def score(outputt: str) -> float:
        return 0

    return score


def _several() -> Callable[..., Any]:
    @metric
    def score(*outputs: str) -> float:
        return 0

    return score


def _named() -> Callable[..., Any]:
    @metric
    def score(output: str, **options: int) -> float:
        return 0

    return score


def _limit() -> Callable[..., Any]:
    @dataset
    def tickets(limit: int = 3) -> list[dict[str, Any]]:
        return []

    return tickets


def _untyped() -> Callable[..., Any]:
    @metric
    def score(output: str, *, limit=None) -> float:  # type: ignore[no-untyped-def]  # noqa: ANN001 - this is refused
        return 0

    return score


def _list() -> Callable[..., Any]:
    @metric
    def score(output: str, *, names: list = []) -> float:  # type: ignore[type-arg]  # noqa: B006 - this is refused
        return 0

    return score


def _reserved() -> Callable[..., Any]:
    @metric
    def score(output: str, *, name: str = "") -> float:
        return 0

    return score


def _unknown_type() -> Callable[..., Any]:
    @metric
    def score(output: str, *, limit: "Missing" = 3) -> float:  # type: ignore[name-defined]  # noqa: F821, UP037
        return 0

    return score


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (_misspelled, r"metric 'score': the parameter 'outputt' is unknown; did you mean 'output'\?"),
        (_several, r"metric 'score' has \*outputs: name each parameter; options stand after a `\*`"),
        (_named, r"metric 'score' has \*\*options"),
        (_limit, r"dataset 'tickets': the parameter 'limit' is unknown; .*: \(\.\.\., \*, limit: \.\.\.\)"),
        (_untyped, r"the parameter 'limit' is an option without a type: write one, such as limit: int"),
        (_list, r"the parameter 'names' has the type list: write what it holds, such as list\[str\]"),
        (_reserved, r"the parameter 'name' means something else in a specification: rename it"),
        (_unknown_type, r"the parameter 'limit' has a type that cannot be read: name 'Missing' is not defined"),
    ],
)
def test_what_cannot_be_asked_for_is_refused(make: Callable[[], Callable[..., Any]], message: str) -> None:
    """One line names the parameter and how to fix it."""
    with pytest.raises(SpecError, match=message):
        signature_of(definition(make()))


def test_other_values_have_no_definition() -> None:
    """An undecorated function, or a mock that has every attribute."""
    assert definition_of(test_other_values_have_no_definition) is None
    assert definition_of(3) is None
