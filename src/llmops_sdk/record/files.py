"""Typed JSON files of a store."""

from __future__ import annotations

import json
from typing import Any

from llmops_sdk.errors import RecordError
from llmops_sdk.record.stores import Store
from llmops_sdk.values.serial import explain, from_json


def read_json(store: Store, key: str) -> Any:
    """Return the JSON that `key` holds, or None where there is no such file.

    Raises:
        RecordError: The file is damaged.
    """
    data = store.get(key)
    if data is None:
        return None
    try:
        return json.loads(data)
    except ValueError as exc:
        raise damaged(store, key, str(exc)) from exc


def to_value(data: Any, cls: Any, store: Store, key: str) -> Any:
    """Make a value of `cls` of the JSON that `key` holds.

    Raises:
        RecordError: The JSON does not fit.
    """
    try:
        return from_json(data, cls)
    except Exception as exc:
        raise damaged(store, key, explain(exc)) from exc


def damaged(store: Store, key: str, reason: str) -> RecordError:
    """Return the error that a file of a store cannot be read."""
    return RecordError(f"the file {store.locate(key)!r} is damaged: {reason}")
