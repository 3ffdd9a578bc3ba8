"""JSON files of other tools: a quick look at one, and their values as what an answer or a record holds."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from llmops_plugins.importers.values import shown
from llmops_sdk.plugin import DataError, digest, number_of

_HEAD = 4096
_LONGEST_LINE = 1 << 22
_LONGEST_REASON = 300
_MARKS = {"yes": 1.0, "true": 1.0, "pass": 1.0, "no": 0.0, "false": 0.0, "fail": 0.0}


def score(value: Any, metric: str, where: str) -> float | None:
    """Return a score as a number; None for null and NaN, where the record has none.

    Args:
        value: The score.
        metric: The metric's name.
        where: The row's name in messages.

    Raises:
        DataError: It is a text, a list, an object, or infinite.
    """
    try:
        return number_of(value)
    except ValueError as exc:
        message = f"the score {metric!r} of {where}: {exc}"
        raise DataError(message) from None


def mark(value: Any) -> float | None:
    """Return what a mark such as true or `yes` stands for; None if it is none.

    >>> mark("Yes"), mark(False), mark(1), mark("good")
    (1.0, 0.0, None, None)
    """
    if isinstance(value, bool):
        return float(value)
    return _MARKS.get(value.strip().lower()) if isinstance(value, str) else None


def count(value: Any) -> int | None:
    """Return a count; None if it is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def amount(value: Any, *, unit: float = 1.0) -> float | None:
    """Return a time or a price; None if it is none.

    Args:
        value: The number, which may be written as text.
        unit: How many of its units make one: 1000 for milliseconds.
    """
    try:
        number = None if isinstance(value, bool) else number_of(value)
    except ValueError:
        return None
    return number / unit if number is not None and number >= 0 else None


def plain(value: Any) -> Any:
    """Return a JSON value with null in place of NaN and infinite numbers, which no JSON file can hold."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {str(name): plain(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    return value


def short_hash(value: Any) -> str:
    """Return the start of a value's hash, which shows whether two values are equal."""
    return digest(plain(value))[:16]


def reason(value: object) -> str:
    """Return the first line of an error of another tool."""
    lines = str(value or "").strip().replace("\\n", " ").splitlines()
    return " ".join(lines[0].split())[:_LONGEST_REASON] if lines else ""


def json_object(path: Path) -> dict[str, Any]:
    """Return the JSON object in a file.

    Raises:
        DataError: The file cannot be read, or holds something else.
    """
    try:
        value = json.loads(path.read_bytes())
    except OSError as exc:
        message = f"cannot read {str(path)!r}: {exc.strerror or exc}"
        raise DataError(message) from None
    except (ValueError, RecursionError) as exc:
        message = f"{str(path)!r} is not complete JSON ({exc}): is the file cut off or still being written?"
        raise DataError(message) from None
    if not isinstance(value, dict):
        message = f"{str(path)!r} is {shown(value)}, not a JSON object"
        raise DataError(message)
    return value


def head(path: Path, size: int = _HEAD) -> str:
    """Return the start of a file as text; empty if it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(size).decode("utf-8-sig", errors="replace")
    except OSError:
        return ""


def first_object(path: Path) -> dict[str, Any]:
    """Return the object in the first line of a JSONL file; empty if there is none within some megabytes."""
    try:
        with path.open("rb") as file:
            value = json.loads(file.readline(_LONGEST_LINE).decode("utf-8-sig"))
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
