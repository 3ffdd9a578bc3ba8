"""The key `load` of a specification."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from llmops_sdk.errors import SpecError
from llmops_sdk.planning.specification.keys import check_keys, short
from llmops_sdk.values.load import MOST_AT_A_TIME, MOST_REQUESTS, Load

_EXAMPLE = "`load: {concurrency: [1, 4, 16]}`"


def load_from(data: Any, where: str) -> Load:
    """Make the load to measure from its data.

    Raises:
        SpecError: It does not fit.
    """
    if not isinstance(data, Mapping):
        message = f"{where} is a mapping such as {{concurrency: [1, 4, 16]}}, not {short(data)}"
        raise SpecError(message)
    check_keys(data, tuple(field.name for field in attrs.fields(Load)), where)
    levels = data.get("concurrency")
    if not isinstance(levels, (list, tuple)) or not levels:
        message = f"{where}.concurrency is a list of numbers of requests in flight; write {_EXAMPLE}"
        raise SpecError(message)
    for place, level in enumerate(levels):
        _check(level, MOST_AT_A_TIME, f"{where}.concurrency.{place}")
    if twice := next((level for level in levels if levels.count(level) > 1), None):
        message = f"{where}.concurrency has {twice} twice; name each number once"
        raise SpecError(message)
    requests = data.get("requests")
    if requests is not None:
        _check(requests, MOST_REQUESTS, f"{where}.requests")
        if requests < max(levels):
            message = (
                f"{where}.requests is {requests}, and {max(levels)} requests are never in flight at a time then; write at least"
                f" {max(levels)}, better several times as many"
            )
            raise SpecError(message)
    return Load(tuple(sorted(levels)), requests)


def _check(value: Any, most: int, where: str) -> None:
    if type(value) is not int or not 1 <= value <= most:
        message = f"{where} is a whole number from 1 to {most:,}, not {short(value)}"
        raise SpecError(message)
