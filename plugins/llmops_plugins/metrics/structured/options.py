"""The options of the metrics of structured answers. Nothing heavy is imported here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
from attrs import validators

from llmops_plugins.metrics.validators import one_of, some_of
from llmops_sdk.plugin import Options, install_hint, option

PLACES = ("fence", "whole", "anywhere")
"""Where an answer may have its JSON; see `read_json`."""
FIELDS_METRICS = ("json_fields_f1", "json_fields_precision", "json_fields_recall", "json_fields_exact")
KINDS = ("any", "object", "array")

_place_help = (
    "where the JSON is: whole (the answer is nothing else), fence (that, or the one Markdown code block with JSON), or "
    "anywhere (that, or the first object or list in the text)"
)


@attrs.frozen(kw_only=True)
class JsonValidityOptions(Options):
    """Which answers are valid JSON."""

    place: str = option("fence", help=_place_help, validator=one_of(PLACES))
    kind: str = option(
        "any", help="what the JSON must be: any (a number or text, too), object or array", validator=one_of(KINDS)
    )


@attrs.frozen(kw_only=True)
class JsonSchemaOptions(Options):
    """The JSON schema that an answer must fit."""

    schema: Mapping[str, Any] = option(factory=dict, help="the JSON schema; by '$schema' its draft, else 2020-12")
    schema_file: str = option(
        "",
        help="instead of schema: a file with it; the plan holds what it contains",
        path=True,
        affects_results=False,
    )
    check_formats: bool = option(
        False, help="whether 'format' is checked, for those formats that jsonschema knows without further packages"
    )
    place: str = option("fence", help=_place_help, validator=one_of(PLACES))

    def __attrs_post_init__(self) -> None:
        """Read the file, and refuse a schema that is none, before a run starts."""
        if self.schema_file and not self.schema:
            object.__setattr__(self, "schema", _read(self.schema_file))
        if not self.schema:
            message = "give a JSON schema as schema, or the file that has it as schema_file"
            raise ValueError(message)
        try:
            from llmops_plugins.metrics.structured.schemas import check_schema
        except ImportError:
            message = f"the metric needs jsonschema: {install_hint('metrics')}"
            raise ValueError(message) from None
        check_schema(self.schema)


def _read(path: str) -> Mapping[str, Any]:
    try:
        schema: Any = json.loads(Path(path).expanduser().read_bytes())
    except (OSError, ValueError, RecursionError) as exc:
        message = f"schema_file {path!r} cannot be read as JSON: {exc}"
        raise ValueError(message) from None
    if not isinstance(schema, dict):
        message = f"schema_file {path!r} must hold a JSON object, not {type(schema).__name__}"
        raise ValueError(message)  # noqa: TRY004 - the value of an option
    return schema


def _names(_options: object, attribute: Any, value: tuple[str, ...]) -> None:
    if not all(value):
        message = f"{attribute.name} has names of fields, none of them empty"
        raise ValueError(message)


@attrs.frozen(kw_only=True)
class JsonFieldsOptions(Options):
    """Which fields of an answer's JSON are compared with those of the reference, and how."""

    metrics: tuple[str, ...] = option(
        FIELDS_METRICS,
        help=f"which of {', '.join(FIELDS_METRICS)}; the first one decides",
        validator=some_of(FIELDS_METRICS),
    )
    field: str = option(
        "response",
        help="the record's field with the expected JSON object, as text or as it is, or a list of accepted ones",
        validator=validators.min_len(1),
    )
    only: tuple[str, ...] = option(
        (),
        help="the fields that are compared, such as [total, customer.name], with all below them; all without it",
        validator=_names,
    )
    ignore_case: bool = option(False, help="whether upper and lower case of texts are the same")
    ignore_order: bool = option(False, help="whether lists are compared without their order")
    null_is_missing: bool = option(False, help="whether a field that is null counts as one that is not there")
    place: str = option("fence", help=_place_help, validator=one_of(PLACES))


@attrs.frozen(kw_only=True)
class ToolCallsOptions(Options):
    """How tool calls are compared with the expected ones."""

    field: str = option(
        "response",
        help="the record's field with the expected calls as JSON: one, a list of them (empty: none), or a list of such lists "
        "that are all as good",
        validator=validators.min_len(1),
    )
    ignore_order: bool = option(False, help="whether several calls may come in any order")
