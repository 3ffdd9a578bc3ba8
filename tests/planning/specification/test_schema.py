"""The JSON schema of specification files, for editors."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Union

import jsonschema
import pytest

import llmops_sdk.testing
from llmops_sdk import Registry, Secret
from llmops_sdk.planning.specification.data import spec_from
from llmops_sdk.planning.specification.schema import specification_schema, type_schema


@pytest.fixture(name="validator", scope="module")
def _validator() -> jsonschema.Draft202012Validator:
    """The schema of specifications with the options of all plugins, which is a schema itself: that takes a second to check."""
    registry = Registry.load()
    registry.add("testing", llmops_sdk.testing)
    schema = specification_schema(registry)
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.mark.parametrize(
    ("hint", "schema"),
    [
        (str, {"type": "string"}),
        (bool, {"type": "boolean"}),
        (int, {"type": "integer"}),
        (float, {"type": "number"}),
        (Path, {"type": "string"}),
        (Secret, {"type": "string"}),
        (Union[int, None], {"anyOf": [{"type": "integer"}, {"type": "null"}]}),
        (Union[int, str], {"anyOf": [{"type": "integer"}, {"type": "string"}]}),
        (tuple[str, ...], {"type": "array", "items": {"type": "string"}}),
        (Mapping[str, int], {"type": "object", "additionalProperties": {"type": "integer"}}),
        (Literal["a", "b"], {"enum": ["a", "b"]}),
        (Any, {}),
    ],
)
def test_every_type_of_an_option_has_a_schema(hint: Any, schema: dict[str, Any]) -> None:
    """A type that JSON schema cannot express allows anything."""
    assert schema == type_schema(hint)


@pytest.mark.parametrize(
    "data",
    [
        {"models": ["echo"]},
        {"models": [{"use": "echo", "fine_tune": False, "voice": "quiet"}], "reporters": ["html"]},
        {"models": ["echo"], "trainer": {"max_steps": 3}, "generation": {"temperature": 0.5, "stop": ["x"]}},
        {"models": ["openai/gpt-4o-mini", {"use": "vllm/m", "base_url": "http://gpu/v1", "max_concurrency": 4}]},
        {"models": [{"use": "echo", "varies": {"temperature": None, "max_tokens_field": "most"}}]},
        {"models": [{"use": "echo", "prompts": ["chat", "mine"], "train_prompt": "mine"}], "prompts": ["chat"]},
        {"models": ["echo"], "generation": {"response_format": {"type": "json_object"}}},
        {"models": ["echo"], "generation": {"repeats": 3}, "noise_floor": True},
        {"models": ["echo"], "stop_early": {"looks": 3}},
        {"models": ["echo"], "stop_early": {}},
        {"models": ["echo"], "datasets": [{"use": "lines", "name": "more"}], "settings": {"testing": {"note": "x"}}},
    ],
)
def test_the_schema_accepts_what_can_be_read(data: dict[str, Any], validator: jsonschema.Draft202012Validator) -> None:
    """Names of cards, their options, and the specification's own keys."""
    validator.validate(data)
    assert spec_from(data, where="file", folder=Path())


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"models": []},
        {"models": ["eco"]},
        {"models": [{"use": "echo", "voices": "quiet"}]},
        {"models": [{"use": "echo", "prompts": []}]},
        {"models": [{"use": "echo", "prompts": "chat"}]},
        {"models": ["opnai/gpt-4o-mini"]},
        {"models": [{"use": "vllm/m", "max_concurency": 4}]},
        {"models": [{"use": "echo", "varies": {"temprature": None}}]},
        {"models": ["echo"], "generation": {"max_tokens": 3}},
        {"models": [{"use": "echo", "varies": {"repeats": 3}}]},
        {"models": ["echo"], "noise_floor": "base"},
        {"models": ["echo"], "stop_early": {"looks": 1}},
        {"models": ["echo"], "reporters": ["htlm"]},
        {"modles": ["echo"]},
    ],
)
def test_the_schema_refuses_unknown_names(data: dict[str, Any], validator: jsonschema.Draft202012Validator) -> None:
    """An editor then marks them."""
    with pytest.raises(jsonschema.ValidationError):
        validator.validate(data)


def test_options_have_descriptions_and_defaults(registry: Registry) -> None:
    """An editor shows the help text of an option."""
    schema = specification_schema(registry)
    lines = next(item for item in schema["properties"]["datasets"]["items"]["anyOf"] if _use(item) == "lines")

    assert {"type": "integer", "description": "records in all", "default": 20} == lines["properties"]["records"]


def _use(item: dict[str, Any]) -> str:
    return str(item.get("properties", {}).get("use", {}).get("const", ""))


def test_a_function_of_a_file_fits_with_any_options(validator: jsonschema.Draft202012Validator) -> None:
    """Its options are known where its file is; a card has only its own."""
    function = {"use": "./metrics.py:brevity", "words": 3}
    fits = {
        "datasets": [function],
        "prompts": ["./p.py:a"],
        "models": [{**function, "name": "a"}],
        "evaluators": [function],
    }

    assert validator.is_valid(fits)
    assert not validator.is_valid({"models": ["echo"], "evaluators": [{"use": "./metrics.py"}]})
