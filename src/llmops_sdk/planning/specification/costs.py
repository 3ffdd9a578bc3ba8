"""The keys of a specification about money: `traffic` and `budget`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmops_sdk.errors import SpecError
from llmops_sdk.planning.specification.keys import check_keys
from llmops_sdk.values.prices import CURRENCY, Budget, Traffic

_HOURS = 24


def traffic_from(data: Any, where: str) -> Traffic:
    """Make the expected traffic from its data.

    Raises:
        SpecError: It does not fit.
    """
    values = _mapping(data, ("requests_per_day", "hours"), where, "{requests_per_day: 5000}")
    if "requests_per_day" not in values:
        message = f"{where} lacks requests_per_day; write `traffic: {{requests_per_day: 5000}}`"
        raise SpecError(message)
    hours = _positive(values.get("hours", _HOURS), f"{where}.hours")
    if hours > _HOURS:
        message = f"{where}.hours are those of a day, at most {_HOURS}, not {hours:g}"
        raise SpecError(message)
    return Traffic(_positive(values["requests_per_day"], f"{where}.requests_per_day"), hours)


def budget_from(data: Any, where: str) -> Budget:
    """Make a budget from its data.

    Raises:
        SpecError: It does not fit.
    """
    values = _mapping(data, ("usd",), where, "{usd: 20}")
    if "usd" not in values:
        message = f"{where} lacks usd; write `budget: {{usd: 20}}`"
        raise SpecError(message)
    return Budget(_positive(values["usd"], f"{where}.usd"))


def _mapping(data: Any, keys: tuple[str, ...], where: str, example: str) -> Mapping[str, Any]:
    if not isinstance(data, Mapping):
        message = f"{where} is a mapping such as {example}, not {data!r}"
        raise SpecError(message)
    check_keys(data, keys, where, hint=f"; amounts are in {CURRENCY}: convert it" if keys == ("usd",) else "")
    return data


def _positive(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < float("inf"):
        message = f"{where} is a number above 0, not {value!r}"
        raise SpecError(message)
    return float(value)
