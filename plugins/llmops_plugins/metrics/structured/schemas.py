"""JSON schemas, by the package `jsonschema`: the reference implementation in Python, with all drafts' official tests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from jsonschema import Draft202012Validator, SchemaError
from jsonschema.exceptions import best_match
from jsonschema.validators import validator_for
from referencing import Registry, Resource
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012

if TYPE_CHECKING:
    from jsonschema.protocols import Validator


def check_schema(schema: Mapping[str, Any]) -> None:
    """Refuse what is no JSON schema, and one that refers to another document: nothing is fetched.

    Raises:
        ValueError: It is none; the message has the place.
    """
    unknown: Any = None
    kind: Any = validator_for(schema, default=unknown) if "$schema" in schema else Draft202012Validator
    if kind is unknown:
        message = f"the schema's draft {schema['$schema']!r} is not known; usual is https://json-schema.org/draft/2020-12/schema"
        raise ValueError(message)
    try:
        kind.check_schema(schema)
    except SchemaError as exc:
        message = f"schema is no valid JSON schema at {exc.json_path}: {exc.message[:200]}"
        raise ValueError(message) from None
    for reference in _references(schema):
        if not reference.startswith("#"):
            message = f"schema refers to {reference!r}, which is not in it: only references such as '#/$defs/NAME' are followed"
            raise ValueError(message)
    root = Registry().resolver_with_root(Resource.from_contents(schema, default_specification=DRAFT202012))
    for reference in _references(schema):
        try:
            root.lookup(reference)
        except Unresolvable:
            message = f"schema refers to {reference!r}, which is not in it"
            raise ValueError(message) from None
    try:
        problem_of(make_validator(schema, check_formats=False), {})
    except ValueError as exc:
        message = f"schema cannot be used: {exc}"
        raise ValueError(message) from None


def make_validator(schema: Mapping[str, Any], *, check_formats: bool) -> Validator:
    """Return the validator of a schema, by the draft that its `$schema` names, else 2020-12."""
    kind: Any = validator_for(schema, default=Draft202012Validator)
    checker = kind.FORMAT_CHECKER if check_formats else None
    validator: Validator = kind(schema, registry=Registry(), format_checker=checker)
    return validator


def problem_of(validator: Validator, value: Any) -> str:
    """Return why a value does not fit the schema, or an empty text.

    Raises:
        ValueError: The schema cannot be used for this value: a reference leads nowhere, it refers to itself without end, or a
            number is too large to be divided.
    """
    try:
        error = best_match(validator.iter_errors(value))
    except Unresolvable as exc:
        message = f"the schema refers to {exc.ref!r}, which is not in it"
        raise ValueError(message) from None
    except RecursionError:
        message = "the schema refers to itself without end, or the answer is nested too deeply for it"
        raise ValueError(message) from None
    except (ArithmeticError, TypeError):  # 'multipleOf' of a number beyond floats, which is a decimal
        message = "a number is too large for the schema's 'multipleOf'"
        raise ValueError(message) from None
    if error is None:
        return ""
    return f"{error.json_path}: {' '.join(error.message.split())[:200]}"


def _references(schema: Any) -> Iterator[str]:
    if isinstance(schema, Mapping):
        for name, value in schema.items():
            if name in ("$ref", "$dynamicRef", "$recursiveRef") and isinstance(value, str):
                yield value
            elif name not in ("const", "enum", "default", "examples"):
                yield from _references(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _references(value)
