"""Values to JSON and back, and the hash of a value."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Any, Union, get_args, get_origin

import attrs

from llmops_sdk.errors import did_you_mean
from llmops_sdk.values.secrets import Secret

if TYPE_CHECKING:
    from cattrs import Converter

_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def to_json(value: Any, cls: Any = None) -> Any:
    """Turn a value (attrs class, tuple, mapping, path) into JSON data.

    Args:
        value: The value.
        cls: Its declared type, needed where that is a union: the JSON then carries a `type`.
    """
    return converter().unstructure(value, unstructure_as=cls)


def from_json(data: Any, cls: Any) -> Any:
    """Make a value of `cls` from JSON data that `to_json` returned. Unknown keys are refused.

    Raises:
        Exception: The data does not fit (cattrs groups the causes); `explain` turns it into one line.
    """
    return converter().structure(data, cls)


def to_line(value: Any, cls: Any) -> bytes:
    """Return a value as one line of a JSONL file, with its line end; fields that have their default are left out.

    Args:
        value: The value.
        cls: Its declared type.
    """
    return canonical(_line_converter().unstructure(value, unstructure_as=cls)) + b"\n"


def explain(error: Exception) -> str:
    """Return in one line why data does not fit, from an error that `from_json` raised."""
    from cattrs import ForbiddenExtraKeysError, transform_error

    def name_cause(cause: BaseException, _type: object) -> str:
        if isinstance(cause, KeyError):
            return f"{cause.args[0]!r} is missing"
        if isinstance(cause, ForbiddenExtraKeysError):
            known = [field.name for field in attrs.fields(cause.cl)]
            return "; ".join(f"unknown key {key!r}{did_you_mean(key, known)}" for key in sorted(cause.extra_fields))
        # The validators of attrs add the attribute, with everything that is known about it, and the value.
        is_text_of_several = len(cause.args) > 1 and isinstance(cause.args[0], str)
        return str(cause.args[0] if is_text_of_several else cause)

    lines = [re.sub(r" @ \$\.?", " in ", line) for line in transform_error(error, format_exception=name_cause)]
    return "; ".join(line.removesuffix(" in ") for line in lines)


def canonical(data: Any) -> bytes:
    """Return the canonical form of a JSON value, which is hashed: sorted keys, no spaces, UTF-8."""
    return _ENCODER.encode(data).encode()


def digest(*parts: Any) -> str:
    """Return the SHA-256 of JSON values, as 64 hexadecimal digits.

    >>> digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    True
    """
    return digest_of(*map(canonical, parts))


def digest_of(*parts: bytes) -> str:
    """Return what `digest` does, of values in their canonical form."""
    return hashlib.sha256(b"[%b]" % b",".join(parts)).hexdigest()


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, read in blocks."""
    with path.open("rb") as file:
        hashed = hashlib.sha256()
        while block := file.read(1 << 20):
            hashed.update(block)
    return hashed.hexdigest()


@cache
def converter() -> Converter:
    """Return the converter: strict about keys and scalars; unions of attrs classes are tagged by `type`."""
    return _make_converter(omit_if_default=False)


@cache
def _line_converter() -> Converter:
    return _make_converter(omit_if_default=True)


def _make_converter(*, omit_if_default: bool) -> Converter:
    from cattrs import Converter

    converter = Converter(
        forbid_extra_keys=True,
        omit_if_default=omit_if_default,
        unstruct_collection_overrides={tuple: list, frozenset: sorted},
    )
    converter.register_unstructure_hook(Path, str)
    converter.register_structure_hook(Path, lambda value, _: Path(value))
    converter.register_unstructure_hook(Secret, lambda secret: secret.reference)
    converter.register_structure_hook(Secret, _structure_secret)
    for scalar in (str, bool, int, float):
        converter.register_structure_hook(scalar, _strict(scalar))
    converter.register_structure_hook_factory(_is_tuple, partial(_structure_tuple, converter))
    converter.register_structure_hook_factory(_is_attrs_union, partial(_structure_union, converter))
    converter.register_unstructure_hook_factory(_is_attrs_union, partial(_unstructure_union, converter))
    return converter


def _structure_secret(data: Any, _cls: Any) -> Secret:
    # What is not text may be the secret in another form: it must not reach the error.
    return Secret(data if isinstance(data, str) else "")


def _is_tuple(cls: Any) -> bool:
    origin: Any = get_origin(cls)
    return origin is tuple


def _is_attrs_union(cls: Any) -> bool:
    return get_origin(cls) in (Union, UnionType) and all(attrs.has(member) for member in get_args(cls))


def _structure_union(converter: Converter, union: Any) -> Callable[[Any, Any], Any]:
    members = {member.__name__: member for member in get_args(union)}

    def structure(data: Any, _cls: Any) -> Any:
        fields = dict(data)
        tag = fields.pop("type", None)
        if tag not in members:
            message = f"expected a 'type' of {' or '.join(members)}, found {tag!r}"
            raise ValueError(message)
        return converter.structure(fields, members[tag])

    return structure


def _structure_tuple(converter: Converter, cls: Any) -> Callable[[Any, Any], Any]:
    (item, *_) = get_args(cls)

    def structure(data: Any, _cls: Any) -> Any:
        if not isinstance(data, (list, tuple)):  # a string would be split into its letters
            message = f"expected a list, found {data!r}"
            raise TypeError(message)
        return tuple(converter.structure(value, item) for value in data)

    return structure


def _unstructure_union(converter: Converter, _union: Any) -> Callable[[Any], Any]:
    return lambda value: {"type": type(value).__name__, **converter.unstructure(value)}


def _strict(scalar: type) -> Callable[[Any, Any], Any]:
    """Refuse `"5"` for an int: a slip in a file is an error, not a guess."""
    expected = {str: "text", bool: "true or false", int: "a whole number", float: "a number"}[scalar]

    def structure(value: Any, _cls: Any) -> Any:
        if scalar is float and type(value) is int:
            return float(value)
        if type(value) is not scalar:
            message = f"expected {expected}, found {value!r}"
            raise TypeError(message)
        return value

    return structure
