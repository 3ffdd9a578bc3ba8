"""Compares requests with boto3's description of the API: lengths, patterns and numbers of texts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import botocore.session


def violations(operation: str, request: Mapping[str, Any], *leave_out: str) -> list[str]:
    """Return where a request to SageMaker breaks the published limits. Expressions of pipelines are not checked.

    Args:
        operation: The action, such as `CreateTrainingJob`.
        request: Its parameters.
        *leave_out: Parameters that are not checked.
    """
    shape = botocore.session.Session().get_service_model("sagemaker").operation_model(operation).input_shape
    return list(
        _violations(shape, {name: value for name, value in request.items() if name not in leave_out}, operation)
    )


def _violations(shape: Any, value: Any, path: str) -> Iterator[str]:
    if isinstance(value, dict) and set(value) in ({"Get"}, {"Std:Join"}):
        return
    if shape.type_name == "structure":
        for name, item in value.items():
            if name in shape.members:
                yield from _violations(shape.members[name], item, f"{path}.{name}")
            else:
                yield f"{path}.{name} is unknown"
    elif shape.type_name in ("list", "map", "string"):
        yield from _length(shape, value, path)
        yield from _PARTS[shape.type_name](shape, value, path)


def _items(shape: Any, value: Any, path: str) -> Iterator[str]:
    for number, item in enumerate(value):
        yield from _violations(shape.member, item, f"{path}[{number}]")


def _entries(shape: Any, value: Any, path: str) -> Iterator[str]:
    for name, item in value.items():
        yield from _violations(shape.key, name, f"{path} key {name!r}")
        yield from _violations(shape.value, item, f"{path}[{name!r}]")


def _pattern(shape: Any, value: Any, path: str) -> Iterator[str]:
    pattern = shape.metadata.get("pattern", "")
    if pattern and r"\p{" not in pattern and not re.fullmatch(pattern, value):
        yield f"{path} is {value!r}, not {pattern}"


_PARTS: Mapping[str, Callable[[Any, Any, str], Iterator[str]]] = {
    "list": _items,
    "map": _entries,
    "string": _pattern,
}


def _length(shape: Any, value: Any, path: str) -> Iterator[str]:
    low, high = shape.metadata.get("min", 0), shape.metadata.get("max", float("inf"))
    if not low <= len(value) <= high:
        yield f"{path} has the length {len(value)}, not {low} to {high}"
