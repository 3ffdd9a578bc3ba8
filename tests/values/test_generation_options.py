"""Generation options, and the exceptions of one model."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from llmops_sdk.errors import SpecError
from llmops_sdk.values.generation_options import GenerationOptions, VariedOptions, vary
from llmops_sdk.values.serial import digest, to_json

OPTIONS = GenerationOptions(max_new_tokens=64, temperature=0.5, stop=("\n",))


def test_a_model_without_exceptions_gets_the_options_of_all() -> None:
    """The same object: its key is that of a model that never had any."""
    assert OPTIONS is vary(OPTIONS, {})


def test_exceptions_change_leave_out_and_rename() -> None:
    """Values are those of the model; None leaves an option out."""
    varies = {"max_new_tokens": 2048, "temperature": None, "stop": ["END"], "max_tokens_field": "max_completion_tokens"}
    expected = VariedOptions(
        2048, 0.5, stop=("END",), left_out=frozenset({"temperature"}), max_tokens_field="max_completion_tokens"
    )
    assert expected == vary(OPTIONS, varies)


def test_every_exception_is_part_of_the_key() -> None:
    """Of the answers."""
    exceptions: list[dict[str, Any]] = [
        {},
        {"temperature": None},
        {"seed": None},
        {"max_tokens_field": "most"},
        {"top_p": 0.5},
    ]
    assert len(exceptions) == len({digest(to_json(vary(OPTIONS, varies))) for varies in exceptions})


@pytest.mark.parametrize(
    ("varies", "message"),
    [
        ({"tempreature": None}, "varies has no 'tempreature'; did you mean 'temperature'?"),
        ({"temperature": "hot"}, "varies: expected a number, found 'hot' in temperature"),
        ({"top_p": 2.0}, "varies: 'top_p' must be <= 1"),
        ({"repeats": 2}, "varies has no 'repeats': it is the same for all models"),
        ({"max_tokens_field": None}, "varies.max_tokens_field is the name of a field"),
        ({"max_tokens_field": ""}, "varies.max_tokens_field is the name of a field"),
    ],
)
def test_a_wrong_exception_is_one_line(varies: dict[str, Any], message: str) -> None:
    """With the option and what is wrong with it."""
    with pytest.raises(SpecError) as raised:
        vary(OPTIONS, varies)
    assert message in str(raised.value)


def test_a_form_that_is_not_json_is_refused() -> None:
    """YAML reads a date, which no server takes."""
    with pytest.raises(ValueError, match="response_format is not valid JSON"):
        GenerationOptions(response_format={"default": date(2026, 1, 1)})


def test_repeats_have_seeds_and_keys_of_their_own() -> None:
    """Their number is no part of a key: the first answer is that of a run without repeats."""
    repeated = GenerationOptions(seed=7, repeats=3)

    assert GenerationOptions(seed=7).key == repeated.key == repeated.repeat(0).key
    assert [7, 8, 9] == [repeated.repeat(number).seed for number in range(3)]
    assert GenerationOptions(seed=8).key == repeated.repeat(1).key
    varied = vary(repeated, {"seed": None})
    assert isinstance(varied.repeat(1), VariedOptions)
    assert varied.repeat(0).key != varied.repeat(1).key
