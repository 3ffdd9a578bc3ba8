"""How candidates write their answers, and the exceptions that one model declares."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import attrs
from typing_extensions import Self

from llmops_sdk.errors import SpecError, did_you_mean
from llmops_sdk.values.serial import explain, from_json, to_json

MAX_TOKENS_FIELD = "max_tokens_field"
"""The exception that renames the request's field with the longest answer."""

REPEATS = "repeats"
"""The option with the number of times that each record is asked, from which no model is excepted."""


def _is_json(_options: object, _attribute: object, value: Mapping[str, Any] | None) -> None:
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError) as exc:
        message = f"response_format is not valid JSON: {exc}"
        raise ValueError(message) from None


@attrs.frozen
class GenerationOptions:
    """How candidates write their answers; one for all candidates of a run.

    Attributes:
        max_new_tokens: The longest answer, in tokens of the model.
        temperature: 0 is greedy decoding.
        top_p: Nucleus sampling; 1 keeps all tokens.
        stop: Further stop strings, after those of the prompt template.
        seed: For sampling.
        response_format: The form of the answer: a JSON schema, or `response_format` as OpenAI's servers take it
            (`{type: json_object}`). It is passed on to the server, which may ignore it.
        repeats: How often each record is asked, the first time with `seed`, then with the next ones. The answers to one
            record count as one.
    """

    max_new_tokens: int = attrs.field(default=128, validator=attrs.validators.ge(1))
    temperature: float = attrs.field(default=0.0, validator=attrs.validators.ge(0))
    top_p: float = attrs.field(default=1.0, validator=[attrs.validators.gt(0), attrs.validators.le(1)])
    stop: tuple[str, ...] = ()
    seed: int = 0
    response_format: Mapping[str, Any] | None = attrs.field(default=None, validator=_is_json)
    repeats: int = attrs.field(default=1, validator=attrs.validators.ge(1))

    @property
    def key(self) -> dict[str, Any]:
        """Their part of an answer's key.

        None is left out: the answers of earlier versions, without the option, are found. So is the number of repeats:
        each of them has its own seed, and more of them ask only what is new.
        """
        return {name: value for name, value in to_json(self).items() if value is not None and name != REPEATS}

    def repeat(self, number: int) -> Self:
        """Return the options with which a record is asked again: those with a seed of its own.

        Args:
            number: 0 is the first time, which has the seed itself.
        """
        return attrs.evolve(self, seed=self.seed + number)


@attrs.frozen
class VariedOptions(GenerationOptions):
    """The options as one model gets them that declares exceptions.

    Attributes:
        left_out: Options that its requests lack.
        max_tokens_field: The name that its requests have for `max_tokens`; empty for the usual one.
    """

    left_out: frozenset[str] = frozenset()
    max_tokens_field: str = ""


def describe_exceptions(varies: Mapping[str, Any]) -> str:
    """Return a model's exceptions in words.

    >>> describe_exceptions({"temperature": None, "max_tokens_field": "max_completion_tokens"})
    'temperature left out, max_tokens_field max_completion_tokens'
    """
    return ", ".join(f"{name} {'left out' if value is None else value}" for name, value in varies.items())


def vary(options: GenerationOptions, varies: Mapping[str, Any]) -> GenerationOptions:
    """Return the options as a model with exceptions gets them.

    >>> vary(GenerationOptions(), {"temperature": None, "max_tokens_field": "max_completion_tokens"}).left_out
    frozenset({'temperature'})

    Args:
        options: Those of all candidates.
        varies: The model's exceptions: the name of an option to its value for this model, or to None, which leaves it out
            of the requests; `max_tokens_field` to the name of the field with the longest answer.

    Raises:
        SpecError: There is no such option, or its value does not fit.
    """
    if not varies:
        return options
    names = [field.name for field in attrs.fields(GenerationOptions)]
    for name, value in varies.items():
        if name == REPEATS:
            message = "varies has no 'repeats': it is the same for all models"
            raise SpecError(message)
        if name not in (*names, MAX_TOKENS_FIELD):
            message = f"varies has no {name!r}{did_you_mean(name, (*names, MAX_TOKENS_FIELD))}"
            raise SpecError(message)
        if name == MAX_TOKENS_FIELD and not (isinstance(value, str) and value):
            message = f"varies.{name} is the name of a field, such as 'max_completion_tokens', not {value!r}"
            raise SpecError(message)
    changed = {name: value for name, value in varies.items() if value is not None and name != MAX_TOKENS_FIELD}
    try:
        own: GenerationOptions = from_json({**to_json(options), **to_json(changed)}, GenerationOptions)
    except Exception as exc:
        message = f"varies: {explain(exc)}"
        raise SpecError(message) from exc
    return VariedOptions(
        **{name: getattr(own, name) for name in names},
        left_out=frozenset(name for name, value in varies.items() if value is None),
        max_tokens_field=varies.get(MAX_TOKENS_FIELD, ""),
    )
